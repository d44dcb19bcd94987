"""Functions that read and do nothing else, by database; and those known to do more.

A function that is in neither list may be anything that someone defined there, so `sql_readonly` does not take it.
PostgreSQL's list is what its catalog calls immutable or stable, without internals and whatever runs a query given as
text or reaches outside the database; SQLite's is its own list of built-ins; MySQL's is from its reference manual.
"""

from __future__ import annotations

from typing import Final

from remit.core.cel.functions.words import words

_SYNTAX: Final = """
    all any array cast coalesce collation count cube current_date current_time current_timestamp date exists
    extract greatest grouping grouping_id if json json_array json_exists json_object json_query json_scalar
    json_serialize json_table json_value least localtime localtimestamp max min multiset nullif overlay position
    rollup row some substring sum avg time timestamp treat trim try_cast unnest values xmlelement xmlforest
    xmlconcat xmlroot xmltable xmlserialize xmlparse xmlattributes
"""

_POSTGRES: Final = """
    abbrev abs acos acosd acosh age any_value area array_agg array_dims array_fill array_length array_lower
    array_ndims array_position array_positions array_remove array_replace array_reverse array_sort array_to_json
    array_to_string array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit
    bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or box bpchar broadcast bytea cardinality
    casefold cbrt ceil ceiling center char char_length character_length chr cidr circle clock_timestamp
    col_description concat concat_ws convert convert_from convert_to corr cos cosd cosh cot cotd count covar_pop
    covar_samp crc32 crc32c cume_dist current_database current_schema current_schemas current_setting
    current_user currval date date_add date_bin date_part date_subtract date_trunc datemultirange daterange
    decode degrees dense_rank diagonal diameter div encode enum_first enum_last enum_range erf erfc every exp
    extract factorial family first_value float4 float8 floor format format_type gamma gcd gen_random_uuid
    generate_series generate_subscripts get_bit get_byte get_current_ts_config getdatabaseencoding getpgusername
    has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
    has_function_privilege has_language_privilege has_largeobject_privilege has_parameter_privilege
    has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
    has_tablespace_privilege has_type_privilege height host hostmask icu_unicode_version inet_client_addr
    inet_client_port inet_server_addr inet_server_port initcap int2 int4 int4inc int4multirange int4range int8
    int8multirange int8range interval is_normalized isclosed isempty isfinite ishorizontal isopen isparallel
    isperp isvertical json_agg json_agg_strict json_array_elements json_array_elements_text json_array_length
    json_build_array json_build_object json_each json_each_text json_object json_object_agg
    json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict json_object_keys
    json_populate_record json_populate_recordset json_strip_nulls json_to_record json_to_recordset
    json_to_tsvector json_typeof jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_insert jsonb_object
    jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict
    jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz
    jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
    jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record
    jsonb_to_recordset jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lag last_value
    lastval lcm lead left length lgamma like line ln log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr
    macaddr8 make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 min min_scale mod
    mode money multirange mxid_age name netmask network normalize now npoints nth_value ntile num_nonnulls
    num_nulls numeric nummultirange numnode numrange obj_description octet_length oid oidvectortypes overlaps
    overlay parse_ident path pclose percent_rank percentile_cont percentile_disc pg_backend_pid
    pg_client_encoding pg_collation_for pg_column_size pg_database_size pg_encoding_to_char
    pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arguments
    pg_get_function_identity_arguments pg_get_function_result pg_get_functiondef pg_get_indexdef
    pg_get_partkeydef pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef
    pg_get_userbyid pg_get_viewdef pg_has_role pg_indexes_size pg_input_is_valid pg_is_in_recovery
    pg_postmaster_start_time pg_relation_size pg_size_bytes pg_size_pretty pg_stat_get_dead_tuples
    pg_stat_get_live_tuples pg_table_is_visible pg_table_size pg_tablespace_size pg_timezone_abbrevs
    pg_timezone_names pg_total_relation_size pg_type_is_visible pg_typeof phraseto_tsquery pi plainto_tsquery
    point polygon popen position pow power quote_ident quote_literal quote_nullable radians radius random
    random_normal range_agg range_intersect_agg range_merge rank regclass regexp_count regexp_instr regexp_like
    regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace
    reverse right round row_number row_security_active row_to_json rpad rtrim scale session_user set_bit
    set_byte set_masklen setweight sha224 sha256 sha384 sha512 shobj_description sign sin sind sinh slope
    split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array
    string_to_table strip strpos substr substring sum system_user tan tand tanh text time timeofday timestamp
    timestamptz timetz timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct
    to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole
    to_regtype to_regtypemod to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array
    trim_scale trunc ts_debug ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd
    ts_token_type tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array unicode_assigned
    unicode_version unistr unnest upper upper_inc upper_inf uuid_extract_timestamp uuid_extract_version uuidv4
    uuidv7 var_pop var_samp varbit varchar variance version websearch_to_tsquery width width_bucket xml xmlagg
    xmlcomment xmlexists xmltext xpath xpath_exists
"""

# Of extensions that many have: pg_trgm, unaccent, fuzzystrmatch, pgcrypto, uuid-ossp, pgvector, TimescaleDB, PostGIS.
_POSTGRES_EXTENSIONS: Final = """
    similarity word_similarity strict_word_similarity show_trgm unaccent levenshtein soundex difference
    metaphone dmetaphone daitch_mokotoff digest hmac crypt gen_salt uuid_generate_v1 uuid_generate_v4
    uuid_generate_v5 time_bucket time_bucket_gapfill locf interpolate first last histogram approx_percentile
    l2_distance cosine_distance inner_product l1_distance vector_dims vector_norm l2_normalize hll_cardinality
    st_area st_asgeojson st_astext st_asewkt st_buffer st_centroid st_contains st_coveredby st_covers st_crosses
    st_distance st_distancesphere st_dwithin st_envelope st_equals st_geogfromtext st_geohash st_geometrytype
    st_geomfromgeojson st_geomfromtext st_intersection st_intersects st_isempty st_isvalid st_length
    st_makeenvelope st_makeline st_makepoint st_npoints st_numpoints st_overlaps st_perimeter st_point
    st_setsrid st_simplify st_srid st_touches st_transform st_union st_within st_x st_y st_z
"""

_SQLITE: Final = """
    abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil ceiling changes char coalesce concat concat_ws cos
    cosh count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp
    first_value floor format generate_series geopoly_area geopoly_bbox geopoly_contains_point geopoly_json
    geopoly_overlap geopoly_within glob group_concat hex highlight if ifnull iif instr json json_array
    json_array_insert json_array_length json_each json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace
    json_set json_tree json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_each jsonb_extract
    jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace
    jsonb_set jsonb_tree julianday lag last_insert_rowid last_value lead length like likelihood likely ln log
    log10 log2 lower ltrim matchinfo max median min mod nth_value ntile nullif octet_length offsets percent_rank
    percentile percentile_cont percentile_disc pi pow power pragma_collation_list pragma_compile_options
    pragma_database_list pragma_foreign_key_list pragma_function_list pragma_index_info pragma_index_list
    pragma_index_xinfo pragma_table_info pragma_table_list pragma_table_xinfo printf quote radians random rank
    replace round row_number rtrim sign sin sinh snippet soundex sqlite_compileoption_get
    sqlite_compileoption_used sqlite_source_id sqlite_version sqrt strftime string_agg substr substring subtype
    sum tan tanh time timediff total total_changes trim trunc typeof unhex unicode unistr unistr_quote unixepoch
    unlikely upper
"""

_MYSQL: Final = """
    abs acos adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and
    bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length character_length charset coalesce
    coercibility collation compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32
    cume_dist curdate current_date current_role current_time current_timestamp current_user curtime database
    date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear default degrees
    dense_rank elt exp export_set extract extractvalue field find_in_set first_value floor format format_bytes
    format_pico_time found_rows from_base64 from_days from_unixtime geometrycollection get_format greatest
    group_concat grouping hex hour if ifnull in inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval
    is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_array json_array_append json_array_insert
    json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed json_exists
    json_extract json_insert json_keys json_length json_loose json_merge_patch json_merge_preserve json_object
    json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid
    json_schema_validation_report json_search json_set json_storage_size json_table json_type json_unquote
    json_valid json_value lag last_day last_insert_id last_value lcase lead least left length linestring ln
    localtime localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate maketime match max
    mbrcontains mbrwithin md5 median member microsecond mid min minute mod month monthname name_const now
    nth_value ntile nullif nvl nvl2 oct octet_length ord percent_rank percentile_cont percentile_disc period_add
    period_diff pi point polygon position pow power quarter quote radians rand random_bytes rank regexp_instr
    regexp_like regexp_replace regexp_substr repeat replace reverse right round row row_count row_number rpad
    rtrim schema sec_to_time second session_user sha sha1 sha2 sign sin soundex space sqrt st_area st_asgeojson
    st_astext st_aswkt st_buffer st_centroid st_contains st_distance st_distance_sphere st_dwithin st_envelope
    st_geohash st_geomfromgeojson st_geomfromtext st_geomfromwkb st_intersection st_intersects st_isvalid
    st_latitude st_length st_longitude st_makeenvelope st_overlaps st_point st_srid st_touches st_union
    st_within st_x st_y std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring
    substring_index subtime sum sysdate system_user tan time time_format time_to_sec timediff timestamp
    timestampadd timestampdiff to_base64 to_char to_days to_seconds trim truncate ucase uncompress
    uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time utc_timestamp uuid
    uuid_short uuid_to_bin values var_pop var_samp variance vec_distance vec_distance_cosine
    vec_distance_euclidean vec_fromtext vec_totext version week weekday weekofyear weight_string year yearweek
"""

_OTHERS: Final[dict[str, str]] = {
    "tsql": """
    abs app_name approx_count_distinct ascii cast ceiling char charindex checksum checksum_agg choose
    coalesce col_length col_name compress concat concat_ws convert count_big current_timezone datalength
    dateadd datediff datediff_big datefromparts datename datepart datetime2fromparts datetimefromparts
    datetrunc date_bucket day db_id db_name decompress difference eomonth error_message floor format
    formatmessage getdate getutcdate generate_series greatest hashbytes has_perms_by_name host_name iif
    indexproperty isdate isjson isnull isnumeric is_member is_rolemember json_modify json_path_exists
    json_query json_value least left len log10 lower ltrim month nchar newid nullif object_definition
    object_id object_name openjson original_login parse parsename patindex pi power quotename radians
    rand replace replicate reverse right round rtrim schema_id schema_name scope_identity serverproperty
    sign smalldatetimefromparts soundex space square stats_date stdev stdevp str string_agg
    string_escape string_split stuff substring suser_name suser_sname switchoffset sysdatetime
    sysdatetimeoffset system_user sysutcdatetime timefromparts todatetimeoffset translate trim try_cast
    try_convert try_parse type_name unicode upper user_name var varp year containstable freetexttable
    contains freetext datetimeoffsetfromparts left_shift right_shift session_context context_info
    rowcount_big original_db_name object_schema_name columnproperty databasepropertyex typeproperty
    indexkey_property fulltextcatalogproperty ident_current error_number error_line error_severity
    error_state error_procedure xact_state has_dbaccess vector_distance current_timezone_id
    approx_percentile_cont approx_percentile_disc bit_count get_bit
    """,
    "oracle": """
    add_months decode dump empty_blob empty_clob from_tz initcap instr instrb last_day length lengthb
    listagg lnnvl lpad months_between nanvl new_time next_day nls_initcap nls_lower nls_upper nlssort
    numtodsinterval numtoyminterval nvl nvl2 ora_hash rawtohex regexp_count regexp_instr regexp_like
    regexp_replace regexp_substr rowidtochar ratio_to_report standard_hash substr substrb
    sys_connect_by_path sys_context sys_extract_utc sys_guid sysdate systimestamp to_binary_double
    to_char to_clob to_date to_dsinterval to_nchar to_number to_timestamp to_timestamp_tz to_yminterval
    trunc tz_offset uid user userenv vsize xmlagg json_arrayagg json_objectagg json_equal
    dbms_lob.substr dbms_lob.getlength dbms_lob.instr stats_mode bitand utl_match.edit_distance
    utl_match.edit_distance_similarity utl_match.jaro_winkler utl_match.jaro_winkler_similarity
    utl_raw.cast_to_varchar2 sessiontimezone dbtimezone remainder collect iteration_number group_id
    hextoraw asciistr to_multi_byte to_single_byte validate_conversion
    """,
    "snowflake": """
    array_agg array_construct array_contains array_size array_to_string as_varchar booland_agg
    boolor_agg charindex check_json contains convert_timezone count_if dateadd datediff date_part
    date_from_parts dayname decode div0 div0null editdistance endswith equal_null flatten get get_path
    hash hash_agg hll iff ifnull ilike insert is_array is_null_value is_object jarowinkler_similarity
    last_day listagg md5_hex monthname months_between nvl nvl2 object_agg object_construct
    object_construct_keep_null object_keys parse_json parse_url ratio_to_report regexp_count
    regexp_instr regexp_like regexp_replace regexp_substr rlike sha1_hex sha2_hex split split_part
    square startswith strip_null_value strtok strtok_to_array sysdate table time_from_parts time_slice
    timeadd timediff timestampadd timestampdiff to_array to_binary to_boolean to_date to_decimal
    to_double to_json to_number to_object to_time to_timestamp to_timestamp_ltz to_timestamp_ntz
    to_timestamp_tz to_varchar to_char to_variant truncate try_parse_json try_to_boolean try_to_date
    try_to_decimal try_to_double try_to_number try_to_time try_to_timestamp typeof uniform uuid_string
    zeroifnull nullifzero generator seq4 seq8 conditional_true_event conditional_change_event haversine
    like_all like_any object_delete object_insert object_pick as_integer as_object as_array as_boolean
    as_char as_date as_decimal as_double is_integer is_varchar is_boolean is_decimal is_double is_date
    normal zipf last_query_id md5_number parse_xml reduce h3_latlng_to_cell
    """,
    "bigquery": """
    any_value approx_count_distinct approx_quantiles approx_top_count array_agg array_concat
    array_concat_agg array_length array_reverse array_to_string bit_count byte_length char_length
    code_points_to_string contains_substr countif date_add date_diff date_from_unix_date date_sub
    date_trunc datetime_add datetime_diff datetime_sub datetime_trunc edit_distance ends_with error
    farm_fingerprint format format_date format_datetime format_time format_timestamp from_base64
    from_hex generate_array generate_date_array generate_timestamp_array generate_uuid ieee_divide
    ifnull initcap int64 is_inf is_nan json_extract json_extract_array json_extract_scalar
    json_extract_string_array json_query_array json_value_array json_type last_day lax_bool lax_int64
    logical_and logical_or net.host net.ip_from_string net.public_suffix net.reg_domain normalize
    normalize_and_casefold offset ordinal parse_date parse_datetime parse_json parse_numeric parse_time
    parse_timestamp percentile_cont percentile_disc range_bucket regexp_contains regexp_extract
    regexp_extract_all regexp_instr regexp_replace safe_add safe_cast safe_convert_bytes_to_string
    safe_divide safe_multiply safe_negate safe_offset safe_ordinal safe_subtract session_user sha1
    sha256 sha512 soundex starts_with string strpos struct timestamp_add timestamp_diff timestamp_micros
    timestamp_millis timestamp_seconds timestamp_sub timestamp_trunc to_base64 to_hex to_json
    to_json_string unix_date unix_micros unix_millis unix_seconds approx_top_sum st_geogpoint
    hll_count.merge hll_count.init hll_count.extract hll_count.merge_partial net.ip_to_string
    net.safe_ip_from_string net.ip_trunc net.ip_net_mask date_bucket timestamp_bucket datetime_bucket
    range generate_range_array
    """,
    "duckdb": """
    arg_max arg_min array_slice array_value count_star date_diff datediff date_sub datesub dayname epoch
    epoch_ms epoch_ns epoch_us era first hash histogram ifnull isfinite isinf isnan jaccard
    jaro_similarity jaro_winkler_similarity json_extract json_extract_string json_keys json_structure
    json_type kurtosis last_day len list list_aggregate list_append list_concat list_contains
    list_distinct list_filter list_has list_reduce list_slice list_sort list_sum list_transform
    list_value list_zip make_timestamp map map_keys map_values monthname nextafter prefix product
    quantile quantile_cont quantile_disc range regexp_extract regexp_extract_all regexp_full_match
    regexp_matches sem skewness split str_split string_split strftime strlen strptime struct_extract
    struct_pack suffix time_bucket today try_strptime typeof unnest weekofyear yearweek unpivot entropy
    mad reservoir_quantile favg fsum century to_months to_years to_days to_hours to_minutes to_seconds
    list_unique list_any_value map_entries map_extract struct_insert bar hamming damerau_levenshtein
    url_encode url_decode base64 round_even alias array_cosine_similarity array_distance
    array_inner_product list_avg list_min list_max list_count list_reverse list_intersect
    """,
    "clickhouse": """
    any anyLast arrayJoin avgIf countIf sumIf minIf maxIf uniq uniqExact uniqIf uniqCombined uniqHLL12
    quantile quantiles quantileExact quantileTiming quantileTDigest median topK groupArray
    groupUniqArray groupArraySorted argMin argMax toDate toDate32 toDateTime toDateTime64 toYear
    toQuarter toMonth toDayOfMonth toDayOfWeek toDayOfYear toHour toMinute toSecond toStartOfDay
    toStartOfHour toStartOfMinute toStartOfInterval toStartOfMonth toStartOfQuarter toStartOfWeek
    toStartOfYear toStartOfFiveMinutes toStartOfFifteenMinutes toMonday toYYYYMM toYYYYMMDD
    toUnixTimestamp fromUnixTimestamp toString toInt8 toInt16 toInt32 toInt64 toUInt8 toUInt16 toUInt32
    toUInt64 toFloat32 toFloat64 toDecimal32 toDecimal64 toTypeName today yesterday now now64 dateDiff
    formatDateTime parseDateTime parseDateTimeBestEffort parseDateTimeBestEffortOrNull addDays addHours
    addMonths subtractDays subtractHours subtractMonths intDiv intDivOrZero modulo multiIf empty
    notEmpty lengthUTF8 lowerUTF8 upperUTF8 substringUTF8 position positionCaseInsensitive startsWith
    endsWith splitByChar splitByString arrayMap arrayFilter arrayExists arrayAll arraySum arrayCount
    arraySort arrayDistinct arrayElement arrayEnumerate arrayConcat arraySlice has hasAll hasAny indexOf
    mapKeys mapValues tuple tupleElement JSONExtract JSONExtractString JSONExtractInt JSONExtractFloat
    JSONExtractBool JSONExtractRaw JSONHas JSONLength visitParamExtractString simpleJSONExtractString
    domain domainWithoutWWW path cutQueryString extractURLParameter protocol cityHash64 sipHash64
    xxHash64 halfMD5 hex unhex toUUID generateUUIDv4 isNull isNotNull assumeNotNull toNullable ifNull
    match extract extractAll replaceOne replaceAll replaceRegexpOne replaceRegexpAll like ilike bar
    runningDifference neighbor rowNumberInAllBlocks formatReadableSize formatReadableQuantity numbers
    toIPv4 toIPv6 IPv4NumToString timeSlot windowFunnel retention uniqCombined64 uniqTheta
    quantilesExact quantileDeterministic quantileExactWeighted avgWeighted anyHeavy groupArrayMovingSum
    groupConcat sumMap minMap maxMap argMinIf argMaxIf uniqExactIf quantileIf avgOrNull sumOrNull
    countDistinct stddevPop stddevSamp varSamp varPop simpleLinearRegression entropy
    exponentialMovingAverage skewPop skewSamp kurtPop lagInFrame leadInFrame toStartOfTenMinutes
    toRelativeDayNum toWeek toLastDayOfMonth addSeconds addMinutes addWeeks addQuarters addYears
    subtractWeeks subtractYears subtractMinutes timeSlots toTimeZone fromUnixTimestamp64Milli
    parseDateTimeBestEffortOrZero toDateOrNull toDateOrZero toDateTimeOrNull toInt32OrZero toInt32OrNull
    toInt64OrNull toInt64OrZero toFloat64OrNull toFloat64OrZero reinterpretAsUInt64 accurateCastOrNull
    arrayFlatten arrayZip arrayIntersect arrayUniq arrayPushBack arrayPushFront arrayFirst
    arrayFirstIndex arrayCumSum arrayDifference arrayStringConcat arrayMin arrayMax arrayAvg range
    multiSearchAny extractGroups ngramDistance base64Encode base64Decode toStringCutToZero
    JSONExtractArrayRaw JSONExtractKeys JSONExtractUInt JSONType mapFilter mapContains geoDistance
    greatCircleDistance pointInPolygon h3ToGeo bitAnd bitOr bitXor bitCount randConstant hostName
    murmurHash2_64 formatReadableTimeDelta transform countSubstrings toModifiedJulianDay sequenceMatch
    sequenceCount histogram
    """,
    "spark": """
    add_months aggregate approx_count_distinct array_contains array_join array_max array_min array_size
    collect_list collect_set count_if current_timezone date_add date_sub datediff dayofmonth element_at
    exists explode explode_outer filter first flatten forall format_number from_json from_unixtime
    from_utc_timestamp get_json_object hash ifnull ilike initcap inline instr isnan isnotnull isnull
    json_tuple last last_day levenshtein locate map map_from_entries map_keys map_values md5
    monotonically_increasing_id months_between named_struct nanvl next_day nvl nvl2 parse_url percentile
    percentile_approx posexplode regexp_extract regexp_extract_all schema_of_json sequence sha sha1 sha2
    size slice sort_array split stack struct substring_index to_date to_json to_timestamp
    to_unix_timestamp to_utc_timestamp transform trunc try_divide try_to_number typeof unix_timestamp
    uuid weekday weekofyear xxhash64 zip_with array_union arrays_overlap map_concat map_filter
    transform_keys transform_values bround pmod histogram_numeric timestamp_micros timestamp_millis
    timestamp_seconds window input_file_name url_decode url_encode spark_partition_id array_insert
    map_entries bool_and bool_or
    """,
    "presto": """
    approx_distinct approx_percentile arbitrary array_agg array_distinct array_join at_timezone bool_and
    bool_or cardinality checksum codepoint contains count_if current_timezone date_add date_diff
    date_format date_parse day_of_month day_of_week day_of_year element_at filter flatten
    format_datetime from_iso8601_date from_iso8601_timestamp from_unixtime from_utf8 histogram is_nan
    json_array_contains json_array_get json_array_length json_extract json_extract_scalar json_format
    json_parse json_size last_day_of_month levenshtein_distance map map_agg map_concat map_keys
    map_values max_by min_by multimap_agg none_match any_match all_match parse_datetime reduce
    regexp_count regexp_extract regexp_extract_all regexp_like regexp_replace regexp_split sequence
    slice split split_part split_to_map strpos to_base64 to_hex to_iso8601 to_unixtime to_utf8 transform
    truncate try typeof url_extract_host url_extract_parameter url_extract_path week week_of_year
    year_of_week zip zip_with sha256 md5 xxhash64 listagg approx_most_frequent numeric_histogram
    cosine_similarity hamming_distance array_union arrays_overlap ngrams human_readable_seconds
    with_timezone format_number parse_duration hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 murmur3
    word_stem split_to_multimap map_filter map_entries transform_values transform_keys map_zip_with
    is_json_scalar geometric_mean entropy
    """,
    "redshift": """
    approximate_count_distinct charindex convert_timezone dateadd datediff date_part_year dlog10
    func_sha1 getdate is_valid_json json_extract_array_element_text json_extract_path_text json_parse
    json_serialize json_typeof len listagg median months_between next_day nvl nvl2 ratio_to_report
    regexp_count regexp_instr regexp_replace regexp_substr sha2 strtol sysdate to_timestamp trunc
    current_user_id bpcharcmp can_json_parse decode isnull octetindex replicate date_cmp interval_cmp
    object get_array_length array_flatten subarray is_object is_array is_varchar json_size fnv_hash dexp
    textlen btrim
    """,
}
_SAME: Final = {
    "fabric": "tsql",
    "databricks": "spark",
    "hive": "spark",
    "trino": "presto",
    "athena": "presto",
}
STRICT: Final = frozenset({"postgres", "sqlite", "materialize", "risingwave"})
"""Where only the lists here count, not also what sqlglot knows by name."""

_EFFECTS: Final = """
    benchmark sleep pg_sleep pg_sleep_for pg_sleep_until sleepeachrow dbms_lock.sleep dbms_session.sleep waitfor
    get_lock release_lock release_all_locks is_free_lock is_used_lock load_file load_extension readfile
    writefile edit fts3_tokenizer optimize sqlite_log nextval setval set_config setseed pg_notify pg_reload_conf
    pg_rotate_logfile pg_promote pg_switch_wal pg_logical_emit_message pg_export_snapshot query_to_xml
    query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml
    table_to_xmlschema schema_to_xml database_to_xml ts_stat ts_rewrite crosstab crosstab_hash connectby
    sys_exec sys_eval sys_get sys_set master_pos_wait source_pos_wait wait_for_executed_gtid_set
    wait_until_sql_thread_after_gtids group_replication_set_as_primary audit_log_filter_set_filter
    keyring_key_store ps_kill openrowset openquery opendatasource xp_cmdshell fn_get_audit_file
    fn_trace_gettable fn_xe_file_target_read_file httpuritype dburitype xdburitype bfilename extractvalue_http
    external_query result_scan remote remotesecure cluster clusterallreplicas url file s3 s3cluster gcs hdfs
    azureblobstorage executable jdbc odbc input mysql postgresql mongodb redis sqlite deltalake iceberg hudi
    getenv getvariable query query_table glob_files parquet_scan read_csv read_csv_auto read_json read_json_auto
    read_json_objects read_ndjson read_ndjson_auto read_parquet read_text read_blob sniff_csv sqlite_scan
    postgres_scan postgres_query mysql_scan mysql_query iceberg_scan delta_scan arrow_scan seq_scan reflect
    java_method try_reflect read_files read_kafka read_kinesis http_request ai_query query_table_function
    currtid2 lo_creat txid_current lowrite loread pg_current_xact_id pg_stat_statements_reset pg_prewarm
    pg_sync_replication_slots pg_nextoid http http_get http_post http_put http_delete http_head next_value_for
    fsdir csv eval duckdb_secrets which_secret checkpoint force_checkpoint write_log read_duckdb read_avro
    read_xlsx st_read parquet_metadata parquet_schema parquet_file_metadata parquet_kv_metadata add_parquet_key
    json_execute_serialized_sql pandas_scan python_map_function filecluster urlcluster hdfscluster
    azureblobstoragecluster ytsaurus catboostevaluate get_presigned_url build_stage_file_url build_scoped_file_url
    cortex secret keyring_key_fetch audit_log_filter_remove_user
"""
EFFECTS: Final = frozenset(_EFFECTS.split())
"""Functions that wait, write, lock, change settings, run commands or queries, or reach files and other servers."""
EFFECT_PREFIXES: Final = (
    "dblink",
    "lo_",
    "xp_",
    "sp_",
    "pg_read_",
    "pg_ls_",
    "pg_stat_file",
    "pg_write_",
    "pg_file_",
    "pg_terminate_",
    "pg_cancel_",
    "pg_advisory_",
    "pg_try_advisory_",
    "pg_replication_",
    "pg_create_",
    "pg_drop_",
    "pg_copy_",
    "pg_logical_slot_",
    "pg_wal_replay_",
    "pg_backup_",
    "pg_start_backup",
    "pg_stop_backup",
    "pg_stat_reset",
    "pg_log_",
    "pg_restore_",
    "pg_clear_",
    "pg_set_",
    "pragma_journal_",
    "pragma_user_version",
    "pragma_application_id",
    "ai_",
    "ai.",
    "keys.",
    "ml.",
    "obj.",
    "pg_import_",
    "brin_summarize",
    "brin_desummarize",
    "gin_clean",
    "binary_upgrade_",
    "utl_",
    "dbms_",
    "ctxsys.",
    "sys.dbms_",
    "sys.utl_",
    "system$",
    "service_",
    "asynchronous_connection_",
)
EFFECT_CLASSES: Final = words("""
    AIAgg AIClassify AIEmbed AIForecast AIGenerate AISimilarity AISummarizeAgg DynamicIdentifier FeaturesAtTime
    GenerateBool GenerateDouble GenerateEmbedding GenerateInt GenerateTable GenerateText MLForecast MLTranslate
    NextValueFor Predict ReadCSV ReadParquet Secret ToFile VectorSearch
    """)
"""sqlglot's classes for functions that call models, reach files, draw from a sequence, or hide a name."""

# What sqlglot knows by name, or another database has as a plain function, and this one has as something more.
_NOT_HERE: Final[dict[str, str]] = {
    "duckdb": "glob file getenv",
    "clickhouse": "format values merge dictionary sqlite",
    "snowflake": "identifier",
    "databricks": "list",
}


def known(dialect: str, of_parser: frozenset[str]) -> frozenset[str]:
    """Return the functions that only read, in lower case.

    Args:
        dialect: sqlglot's name.
        of_parser: the functions that sqlglot knows in this dialect, in lower case.
    """
    names = set(_SYNTAX.split())
    if dialect in STRICT:
        names |= set((_SQLITE if dialect == "sqlite" else _POSTGRES + _POSTGRES_EXTENSIONS).split())
    else:
        own = _OTHERS.get(_SAME.get(dialect, dialect), "").lower()
        names |= of_parser | set((_POSTGRES + _MYSQL + _SQLITE + own).split())
    return frozenset(names - EFFECTS - set(_NOT_HERE.get(dialect, "").split()))


def has_effect(name: str) -> bool:
    """Whether a function, named in lower case with or without its schema, is known to do more than read."""
    parts = {name, *name.split(".")}
    return any(part in EFFECTS or part.startswith(EFFECT_PREFIXES) for part in parts)
