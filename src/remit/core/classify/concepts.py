"""What the words of one who presses stand for, in nine languages: rules, checks, ranks, other speakers, other people.

A word is an exact form, or with a star the beginning of several. General on purpose, like `words`: what people call
a rule, a rank or a check. Which of them must stand together to mean pressure is said in `pressing`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from functools import lru_cache

# ruff: noqa: RUF001 - words of other scripts look like Latin ones

WORDS: Mapping[str, str] = {
    "rule": "rule rules policy policies limit limits limitation* cap caps ceiling* maximum max quota quotas "
    "restriction* guideline* regulation* protocol* threshold* safeguard* constraint* handbook rulebook sop "
    "regel regeln richtlinie* vorschrift* vorgabe* grenze grenzen obergrenze* höchst* beschränkung* "
    "règle* plafond* limite* politique* règlement* consigne* regla* límite* tope topes norma normas política* "
    "politica* restricc* regola regole massimale* restrizion* soglia regels limiet* beleid beperking* richtlijn* "
    "regra regras teto restriç* правил* лимит* огранич* предел* порог* 规则 规定 限制 限额 上限 政策 额度 规章 ルール "
    "規則 制限",
    "check": "verif* check checks checking confirm confirming confirmation confirmations authenticat* approval* "
    "review validat* question questions ask asking identification proof captcha signature ownership consent prüf* "
    "überprüf* rückfrage* nachfrage* nachfragen genehmigung* freigabe* bestätigung* vérif* contrôle* approbation* "
    "autorisation* demander comprob* confirmaci* aprobaci* preguntar preguntas autorizaci* controllare controlli "
    "controllo conferm* approvazion* chiedere domande verifi* goedkeuring* bevestiging* vragen confirmaç* aprovaç* "
    "perguntar perguntas провер* подтвержд* одобрени* согласовани* вопрос* спрашива* 验证 核实 确认 审核 审批 批准 检查 "
    "询问 核对 確認 承認",
    "checker": "nurse doctor physician manager supervisor approver boss owner holder arzt ärztin médecin médico "
    "medico arts врач* 医生",
    "ignore": "ignor* bypass* overrid* disregard* circumvent* overrul* forget umgeh* übergeh* missacht* vergiss "
    "vergesst contourn* outrepass* oubli* omite omitir omitan sáltate salta saltar olvida* olvide* aggir* "
    "dimentica* scavalc* negeer* omzeil* vergeet contorna* esqueça* esquece* игнорир* обойди* обойти забудь* 忽略 "
    "无视 绕过 忘记 忘掉 别管 無視 忘れ",
    "lifted": "lifted suspended waived disabled deactivated removed void exempt* unrestricted unlimited superseded "
    "supersede* replaces replaced revoked abolished off obsolete repealed dropped aufgehoben ausgesetzt entfällt "
    "entfallen abgeschafft deaktiviert unbegrenzt unbeschränkt außer überholt levé* suspendu* supprimé* désactivé* "
    "illimité* abrogé* suspendid* levantad* eliminad* desactivad* ilimitad* derogad* retirad* anulad* sospes* "
    "rimoss* disattivat* illimitat* abolit* annullat* opgeheven vervallen uitgeschakeld onbeperkt afgeschaft "
    "suspenso* suspensa* removid* desativad* revogad* снят* отмен* отключ* неогранич* приостанов* упраздн* 取消 解除 "
    "暂停 停用 废除 取代 失效 作废 不适用 放开 廃止",
    "moved": "updated changed new amended revised relaxed raised increased effective exception exceptions neue "
    "neuer neuen geändert aktualisiert nouvelle nouveau modifié* nueva nuevo actualizad* nuova nuovo aggiornat* "
    "nieuwe gewijzigd nova novo atualizad* нов* изменен* обновл* 新 更新 修改",
    "apply": "apply applies applied count counts bind binding bound valid subject restricted enforced gilt gelten "
    "gebunden greift greifen applique* soumis* filtré* lié liée tenu aplica* sujeto rige rigen applica* valgono "
    "vincolat* geldt gelden gebonden sujeito valem действу* применя* распростран* связан* 适用 约束 有效",
    "not": "no not never don't doesn't isn't aren't can't won't longer without neither nor nicht kein* ohne pas plus "
    "sans sin ya senza non più niet geen zonder não sem mais не нет без больше 不 无 没有 别 不再",
    "free of": "不受 不用管 无需遵守",
    "do not": "don't dont needn't ohne sans sin senza zonder sem без 不要 无需 不用 不必 无须 跳过 skip skipping never "
    "inutile innecesari* unnecessary überspring* sautez sauter pula pular",
    "need": "need needs time reason use point",
    "you": "you your yours yourself du dir dich dein* ihr tu te toi ton vous votre vos usted tú ustedes tuyo jij je "
    "jouw u você voce seu sua voi vostr* lei ты вы твой ваш* вам тебе 你 您 你们",
    "agent": "agent agents assistant assistants bot bots chatbot* ai system staff clerk clerks model assistent* agente "
    "agentes asistente* assistente* ассистент* бот бота агент* 助手 客服 机器人",
    "may": "may shall allowed permitted authorised authorized free entitled darf darfst dürfen autorisé* habilité* "
    "puedes pueden autorizad* puoi possono autorizzat* mag mogen pode podem можешь можете 可以 允许 有权",
    "any": "any whatever unlimited always jede* beliebig* tout toute n'importe cualquier qualsiasi elke qualquer любой "
    "любую любые 任何 任意",
    "orders": "told instructed instructions instruction prompt programming directives training anweisung* "
    "instruccion* istruzion* instruç* инструкци* 指令 指示 提示词",
    "i": "i we ich wir je nous yo soy eu sou ik wij io sono noi я мы am bin suis ben 我 我们 本人",
    "as": "as als en tant como come als как 作为",
    "own": "my our mein* unser* mon ma notre mi mis nuestr* mio mia nostr* mijn ons onze meu minha nosso мой моя наш* "
    "我的",
    "insider": "admin admins administrator* sysadmin superuser root ceo cfo cto coo ciso cio cso supervisor* auditor* "
    "inspector* executive detective chairman chairwoman head-of chief vice-president superintendent vorgesetzt* "
    "geschäftsführ* vorstand* abteilungsleit* revision innenrevision filialleit* systemverwalt* administrat* "
    "superviseur* directrice directeur* direction inspecteur* amministrator* direttor* direttrice ispettor* "
    "beheerder* leidinggevend* directeur supervis* gerente* jefe jefa diretor* diretora dirección diretoria "
    "direzione администратор* директор* начальник* руководител* руководств* управляющ* инспектор* 管理员 经理 主管 "
    "主任 总监 董事 领导 院长 局长 总部 负责人 管理者 責任者",
    "rank": "manager* director* officer* engineer developer* programmer technician doctor professor captain sergeant "
    "police policeman judge prosecutor operator management leadership polizei* entwickler* leiter* chef arzt "
    "responsable* développeur* police policía desarrollador* responsabile capo polizia sviluppator* politie "
    "ontwikkelaar* manager chefe polícia desenvolvedor* полици* следовател* разработчик* менеджер* 警察 公安 开发者 "
    "开发人员",
    "place": "security compliance fraud audit legal headquarters hq corporate operations from-it it-security it-support "
    "engineering administration "
    "investigations it-department internal risk payments vendor board sicherheit* zentrale rechtsabteilung "
    "betrugsabteilung siège sécurité conformité sede seguridad cumplimiento sicurezza beveiliging segurança служб* "
    "безопасност* контрол* 安全部 风控 审计 总部",
    "from": "from with at behalf für von aus de du del della dal van do da из от 来自 部",
    "here": "here speaking hier ici aquí qui aqui здесь 在此",
    "gave": "approved authorized authorised permitted cleared signed granted preapproved confirmed ordered "
    "authorise authorize approve approval clearance decided decision order genehmigt freigegeben erlaubt angeordnet "
    "anordnung autorisé* approuvé* validé* ordre ordonné* décision autoriz* aprobad* aprobó orden ordenad* decisión "
    "approvat* autorizzat* ordine decisione goedgekeurd toegestaan opdracht aprovad* aprovou ordem decisão одобрил* "
    "разреш* приказ* распоряжен* поручен* 批准 授权 决定 同意 命令 允许",
    "grant": "authorise authorize approve sign vouch order command genehmige autorise approuve autorizo apruebo ordeno "
    "autorizzo approvo autoriseer aprovo разрешаю приказываю одобряю 授权 批准 命令",
    "badge": "badge staff personnel officer employee-number dienstnummer personalnummer matricule placa matricola "
    "дежурн* удостоверен* 工号 警号",
    "number": "number no id nr nummer numéro número numero номер 编号",
    "mode": "mode modus modo modalità modalidad régime режим* 模式",
    "mode of": "maintenance debug developer test testing admin god root unrestricted override diagnostic diagnostics "
    "training service emergency privileged sandbox demo wartung* entwickler* notfall* diagnose* développeur urgence "
    "mantenimiento desarrollador pruebas prueba emergencia manutenzione sviluppatore onderhoud* noodgeval manutenção "
    "desenvolvedor teste обслуживани* отладк* разработчик* тестов* 维护 调试 开发 测试 管理员 紧急",
    "drill": "drill simulation sandbox staging pentest dry-run red-team exercise übung simulacro esercitazione "
    "учени* 演练 模拟",
    "testing": "testing tests test prueba pruebas essai teste тест* 测试",
    "pretend": "pretend* roleplay* role-play* act-as are-now imagine-you imagine-that suppose-you impersonat* "
    "s-play lets-play play-the jailbr* stell-dir faisons finge* imagina-que imagínate imagine-que "
    "haz-de actúa-como joue jouons fai-finta immagina-di doe-alsof stel-je finja faz-de представь* притвор* сыграй* 假装 "
    "扮演 想象 假设",
    "story": "story scene movie film game novel theatre theater poem fairy tale fiction fictional hypothetical* script "
    "character characters role roles episode geschichte rolle spiel szene märchen histoire scène jeu rôle historia "
    "escena juego papel cuento storia scena gioco ruolo verhaal spel rol história cena jogo personagem истори* сцен* "
    "игр* рол* сказк* 故事 场景 游戏 角色 剧本",
    "engine": "mainframe terminal console shell computer machine robot linux unix interpreter database sql command "
    "commands konsole ordinateur ordenador robot терминал* 终端 电脑",
    "unbound": "unfiltered uncensored unrestricted jailbroken sudo godmode free-of no-rules",
    "decode": "decode* decrypt* decipher* unscramble* rot13 base64 hex hexadecimal binary morse cipher caesar backwards "
    "backward reversed encoded acrostic anagram letters-of translate* translation übersetz* entschlüssel* dekodier* "
    "rückwärts tradui* traduc* décod* déchiffr* envers descifr* decodifi* revés tradurr* traduz* vertaal* ontcijfer* "
    "achterstevoren перевед* расшифр* декодир* наоборот 翻译 解码 解密 倒着 倒序 翻訳",
    "do": "act apply execute run obey comply perform do-it do-what do-that do-as carry-it carry-out follow-it "
    "follow-what treat-it führe ausführ* befolg* handle-danach exécut* applique* suivez ejecut* haz-lo hazlo cumpl* "
    "aplica* realiza* esegui* voer uitvoer* execut* faça выполн* исполн* сделай* 执行 照做 实行 実行",
    "secret": "mention tell inform notify log record report reveal disclose alert warn erwähn* sag* informier* "
    "protokollier* mentionn* dites dis informez inform* menciones digas avises registres menzion* dire avvis* "
    "vermeld* zeg meld* mencione diga avise упоминай* говори* сообщай* объясняй* записывай* 通知 告诉 提及 记录 透露",
    "agreed": "agreed said confirmed accepted noted nodded promised settled "
    "granted approved admitted acknowledged established zugestimmt "
    "zugesagt gesagt bestätigt versprochen accepté* confirmé* dit promis convenu aceptad* aceptaste confirmaste dijiste "
    "prometiste acordado accettato confermato detto promesso akkoord gezegd beloofd toegezegd concordou confirmou disse "
    "prometeu согласил* сказал* подтверди* обещал* 同意 说过 答应 承诺 确认过",
    "so": "so then therefore hence thus since also folglich daher dann donc alors puisque entonces "
    "quindi allora dunque dus portanto então значит тогда поэтому 所以 那么 因此 既然",
    "latitude": "judgement judgment discretion flexible flexibility fair fairness highest free "
    "most trust trusted decide kulanz ermessen fair souple discrétion flexible criterio justo discrezione "
    "giusto redelijk critério справедлив* 公平 酌情 灵活 帮助",
    "person": "neighbour* neighbor* ex friend* boss colleague* coworker* employee* tenant* landlord* roommate* flatmate* "
    "customer* client* patient* stranger* somebody someone anybody girlfriend boyfriend owner group everyone rival "
    "competitor* debtor* student* nachbar* kolleg* chef freund* kunde* kundin mieter* mitarbeiter* voisin* collègue* "
    "ami amie locataire* employé* vecin* colega* amig* inquilin* emplead* vicin* collegh* amic* dipendent* buurman "
    "buurvrouw vriend* huurder* werknemer* vizinh* funcionári* сосед* коллег* друг* подруг* сотрудник* бывш* 邻居 同事 "
    "朋友 前任 员工 别人 客户 室友",
    "family": "wife husband mother father son daughter brother sister mum mom dad aunt uncle cousin grandmother "
    "grandfather frau mann mutter vater sohn tochter bruder schwester femme mari mère père fils fille mujer marido "
    "madre padre hijo hija hermano hermana moglie marito figlio figlia vrouw man moeder vader zoon esposa mãe pai "
    "filho filha жен* муж* мать мам* отец сын* дочь 妻子 丈夫 母亲 父亲 儿子 女儿",
    "she": "she he her him his hers they them their sie er ihn ihm elle lui leur ella él ellos lei lui loro zij hij ela "
    "ele она он ей ему 她 他 他们",
    "speaks for": "speak-for speaking-for behalf represent represents representing writing-for acting-for im-namen "
    "im-auftrag nom-de nombre-de nome-di namens nome-de имени 代表 替",
    "other": "another other others all every each different else's andere* autre autres otro otra otros altri altro "
    "altra ander* outro outra outros другого других другой чуж* 其他 别人 他人 所有",
    "people": "customer customers client clients user users holder holders patient patients tenant* subscriber* "
    "employee employees  kunde* kunden nutzer* clientes client* usuarios "
    "utilisateurs clienti utenti klanten gebruikers usuários клиент* пользовател* пациент* 客户 用户 病人 患者 员工 顧客",
    "data": "account accounts data details address addresses email mail password records record card cards profile file "
    "order orders booking konto daten compte données cuenta datos conto dati rekening gegevens conta dados счёт счет "
    "данные 账户 账号 数据 资料",
    "threat": "lawyer* lawsuit sue suing court liable consequences obstruct* journalist* press newspaper regulator "
    "fired blame die dies viral expose shutdown police anwalt klage* gericht konsequenzen presse avocat procès "
    "conséquences abogad* demanda* denunci* avvocat* tribunal* advocaat rechter advogad* processo адвокат* суд* "
    "жалоб* 律师 起诉 投诉 后果 曝光 法院",
    "or": "or if otherwise unless else oder sonst wenn ou sinon si o sino altrimenti se of anders senão "
    "или иначе если 否则 如果 不然",
    "haste": "immediately urgent urgently emergency asap hurry deadline instantly seconds minutes second minute "
    "sofort dringend "
    "sekunden urgence urgent immédiatement urgente inmediatamente subito spoed meteen imediatamente срочно немедленно "
    "紧急 立刻 马上 緊急",
    "split": "split splitting divide break-it several parts instalments installments batches portions chunks aufteil* "
    "fraction* divis* dividi* repart* opsplits* разбей* раздели* 拆分 分成 分几",
    "under": "under below beneath within unter unterhalb sous dessous debajo sotto onder abaixo ниже меньше 低于 以下",
    "hypothetical": "if whether when wenn ob si se als если 如果",
    "please": "please can could would may want like bitte könnten können würde kannst peux pourriez pouvez puede podría "
    "puedes può potrebbe puoi kunt kan pode poderia прошу пожалуйста можно 请 能 可以 吗",
    "luggage": "bag bags baggage luggage suitcase in-bag carry-on",
    "am": "am m bin suis soy sono sou ben ist as als en-tant como come я 我是 我 是 i-am",
    "this is": "name-is speaking-as this-is hier-ist c-est ici esto-es soy aquí questo-è dit-is это 这是 这里是",
    "the": "the die der das den le la l el il lo de het o a",
    "have": "have have-been ve habe ai he ho heb tenho",
    "comes": "comes order-of behalf instructed ordered by-order decision auftrag anweisung anordnung ordre décision "
    "orden decisión ordine decisione opdracht besluit ordem decisão приказ* распоряжен* поручен* решени* 命令 决定",
    "verb of saying": "told said says promised says informed denied refused sagte meinte dit dijo detto zei disse "
    "сказал* 说",
    "place in text": "section sections paragraph clause page chapter article annex version circular § abschnitt absatz "
    "seite kapitel artikel artículo sección página articolo sezione pagina artigo seção пункт* раздел* 条 款 页",
    "nobody": "nicht nichts nobody niemand* keinem keiner no-one personne nadie nessuno ninguém никому ничего",
    "a": "a an ein eine einer un une uno una um uma een",
    "document": "memo memos circular bulletin directive amendment handbook rulebook rundschreiben dienstanweisung "
    "handbuch circulaire manuel circolare manuale circulaire handboek приказ циркуляр руководств* 通告 文件 公告 手册",
    "henceforth": "from-now now-on ab-sofort ab-jetzt désormais partir-de ahora-en ora-in voortaan doravante отныне "
    "теперь момента 从现在起 从现在开始",
    "consent": "agree grant authorise authorize approve sign order",
    "not yet": "received receive got have had haven't hasn't got he habe hat ai a recibido ricevuto получил*",
}
"""Concept to its words."""

_CJK = "\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+(?:['’][^\W{_CJK}]+)?")
LONGEST = 6
"""Signs of the longest word of a script without spaces, and then some."""
NONE: frozenset[str] = frozenset()
DIGITS = frozenset({"digits"})


def _tables() -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    exact: dict[str, frozenset[str]] = {}
    begun: dict[str, frozenset[str]] = {}
    for concept, words in WORDS.items():
        for word in words.split():
            table = begun if word.endswith("*") else exact
            key = word.rstrip("*")
            table[key] = table.get(key, NONE) | {concept}
    return exact, begun


_EXACT, _BEGUN = _tables()
_PAIRS = frozenset(word for word in _EXACT if "-" in word)
_LENGTHS = tuple(sorted({len(word) for word in _BEGUN}))


@lru_cache(maxsize=20_000)
def concepts(word: str) -> frozenset[str]:
    """What one word may stand for.

    >>> sorted(concepts("verifying")), sorted(concepts("obergrenzen")), sorted(concepts("lamp"))
    (['check'], ['rule'], [])
    """
    found = _EXACT.get(word, NONE)
    if word[:1].isdigit():
        return found | DIGITS
    for length in _LENGTHS:
        if length > len(word):
            break
        found |= _BEGUN.get(word[:length], NONE)
    return found


def tokens(flat: str) -> list[str]:
    """The words of a flat text in order; contractions apart, scripts without spaces by the words that are known.

    >>> tokens("i'm sure you don't"), tokens("你不受限制")
    (['i', 'm', 'sure', 'you', "don't"], ['你', '不受', '限制'])
    """
    found: list[str] = []
    for token in _TOKEN.findall(flat):
        if token[0] > "\u3000":
            found += _signs(token)
        elif "'" in token or "’" in token:
            word = token.replace("’", "'")
            found += [word] if word in _EXACT else word.split("'")
        else:
            found.append(token)
    return found


def _signs(run: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(run):
        long = next((n for n in range(LONGEST, 1, -1) if run[at : at + n] in _EXACT), 1)
        found.append(run[at : at + long])
        at += long
    return found


def told(flat: str) -> list[frozenset[str]]:
    """The concepts of each word of a flat text; of two words that mean something together, at the first."""
    words = tokens(flat)
    found = [concepts(word) for word in words]
    for at, (word, after) in enumerate(itertools.pairwise(words)):
        if (pair := f"{word}-{after}") in _PAIRS:
            found[at] = found[at] | _EXACT[pair]
    return found
