"""Words by what they do in a sentence that steers: the one place where language is written down.

Small and general on purpose: verbs of action, second person, obligation, order in time, precedence, talk about tasks and
machines, secrecy. Nothing here quotes an attack that was measured; what does not stand here is left to provenance,
which needs no words. Other languages have their commonest forms only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain

from remit.core.classify import verbs

listed, VERBS = verbs.listed, verbs.VERBS
VERB_FAMILIES = frozenset(chain.from_iterable(VERBS.values()))

OBJECTS: Mapping[str, frozenset[str]] = verbs.table(
    {
        "mail": "email emails mail mails message messages inbox letter",
        "money": "money transaction transactions payment payments transfer funds amount bank bill "
        "invoice refund iban",
        "event": "event events calendar meeting meetings appointment appointments",
        "file": "file files document documents drive folder attachment note notes",
        "channel": "channel channels chat",
        "web": "webpage website websites page pages url link links site web",
        "person": "user users member members participant participants guest guests person people",
        "secret": "password passwords credential credentials passcode secret token key",
    }
)
"""Nouns that tools' names and requests share under different words."""

YOU = listed(
    "you your yours yourself du dein deine deinen deiner dir dich ihr sie ihre vous votre vos toi ton "
    "tu tus usted ustedes su você vocês seu sua voi vostro tuo tua jij je jouw u ты вы твой ваш тебе "
    "вам 你 您 あなた"
)
MACHINE = listed(
    "assistant assistants ai ais chatbot chatbots llm llms copilot gpt chatgpt claude gemini llama "
    "mistral mixtral qwen grok deepseek assistent ki ia asistente assistente ассистент помощник ии 助手 "
    "人工智能 アシスタント"
)
"""Who is meant, where a text speaks to a machine."""
PERHAPS_MACHINE = listed("agent agents model models bot bots system reader automation modèle modelo modello")
"""The same, where the sentence also speaks to somebody or demands something."""
TASK = listed(
    "instruction instructions task tasks request requests prompt prompts directive directives command "
    "commands guideline guidelines rule rules policy policies procedure procedures protocol objective "
    "objectives assignment query questions question restriction restrictions constraint constraints "
    "workflow anweisung anweisungen aufgabe aufgaben auftrag befehl regeln vorgaben consigne consignes "
    "tâche tâches demande règles instrucción instrucciones tarea tareas solicitud reglas instrução "
    "instruções tarefa regras istruzione istruzioni compito regole instructie instructies taak "
    "opdracht инструкции инструкция задание задачу указания правила 指令 指示 任务 请求 命令 タスク 依頼"
)
"""What an agent works on, by the words with which one speaks about it."""
WHICH = listed(
    "previous prior above earlier original other current existing former all new following main "
    "initial preceding your any these those next remaining before rest vorherigen vorherige bisherigen "
    "obigen alle neue ursprünglichen précédentes précédente antérieures toutes nouvelles anteriores "
    "anterior previas todas nuevas originales precedenti tutte nuove originali vorige eerdere alle "
    "предыдущие предыдущую все новые 之前 以前 上述 所有 前の 以前の 上記"
)
OVERRIDE = listed(
    "ignore ignores ignoring disregard disregarding forget forgetting override overrides overriding "
    "supersede supersedes superseding bypass bypassing skip skipping abandon discard precedence "
    "priority prioritize prioritise suspend ignoriere ignorieren ignoriert vergiss vergessen missachte "
    "vorrang ignorez oubliez outrepassez priorité ignora ignorar ignore olvida olvide prioridad "
    "esqueça dimentica ignorare negeer vergeet игнорируй игнорируйте забудь забудьте 忽略 无视 忘记 優先 無視 "
    "忘れて"
)
INSTEAD = listed("instead stattdessen statt plutôt lieu vez invece plaats вместо 而是 代わりに")
SEQUENCE = listed(
    "before first firstly prior beforehand until once afterwards afterward then proceed proceeding "
    "resume resuming continue continuing finish finishing complete completing after finally next "
    "immediately now bevor zuerst zunächst danach dann anschließend sofort vorher erst avant abord "
    "ensuite puis après immédiatement antes primero después luego inmediatamente primeiro depois "
    "imediatamente prima dopo poi subito eerst daarna voordat direct прежде сначала затем потом "
    "немедленно сперва 首先 先 然后 之后 立即 まず その後 直ちに"
)
MUST = listed(
    "must should shall need needs have required require requires ought please kindly ensure remember "
    "mandatory asked instructed expected supposed obliged want wants would could necessary essential "
    "musst müssen muss sollst sollten bitte soll doit devez dois veuillez faut prière debes debe deben "
    "favor necesitas deve deves devi dovete moet moeten alstublieft graag должен должны пожалуйста "
    "нужно необходимо обязан 必须 需要 请 务必 应 してください 必要 下さい"
)
UNLESS = listed("unless until if once when after because so")
"""What stands before *you* and a verb, where something hangs on doing it."""
SECRET_VERBS = listed(
    "mention tell inform ask asking telling informing mentioning notify notifying reveal disclose "
    "confirm confirming confirmation verify report alert warn question discuss show let"
)
NOT = listed("not never without don't dont nor avoid no")
QUIETLY = listed("silently quietly covertly secretly discreetly heimlich secrètement secretamente тайно 悄悄")
AUTHORITY = listed(
    "authorized authorised authorization authorisation administrator admin approved preapproved "
    "verified compliance clearance mandatory officially behalf urgent urgently asap critical "
    "compulsory privileged override developer dringend autorisiert urgente autorizado urgence autorisé "
    "срочно 紧急 授权 緊急"
)
AND = listed("and then und dann et puis y luego e depois poi en и 然后")
LEAD_IN = listed(
    "please kindly then now first next and also so finally just do to must immediately afterwards "
    "instead go ahead bitte veuillez favor por per favore gentilmente alstublieft graag пожалуйста let us lets you"
)
"""What may stand before the verb of a command."""

AIMED = (
    YOU
    | MACHINE
    | PERHAPS_MACHINE
    | TASK
    | listed("someone somebody anyone whoever everyone job role goal duty")
)
"""Whom or what a `to` with a verb may be aimed at."""
ENGLISH = listed(
    "the and for with that this from are will have has had not but they them their there what when "
    "where which who how its our you your my we if please of to at by it on"
)
"""Words of which nearly every English sentence has one."""
CHANGED = listed(
    "now new changed changes updated correct corrected instead replaced replaces replacing longer "
    "moved switched switch replace nouveau nueva nuevo neu neue geändert новый 新的 新しい"
)
"""Words that say that something else holds than before."""
ALSO_NOUNS = listed(
    "order report file plan book mail email message text post transfer charge note list check open "
    "start set issue answer change update credit use label tag record point call cause print sort view "
    "search access copy trade exchange stop wait switch turn lock load click draft sign rate "
    "transaction payment purchase request query share follow close complete act mark score rank hand pass "
    "push pull patch raise lower mirror advance ship block dump retire hire clone mount roll compra programa compre"
)
"""Verbs that stand in requests as nouns or adjectives as often."""
TALKED_OF = listed("read find look list check see view search get follow found seen reads lists")
"""Verbs of looking up that stand beside addresses in ordinary talk."""
SPEAKERS = listed("system user assistant human developer admin")
"""Who speaks in a dialogue with a machine."""
CUES = frozenset().union(
    SPEAKERS,
    VERBS,
    YOU,
    MACHINE,
    PERHAPS_MACHINE,
    TASK,
    WHICH,
    OVERRIDE,
    INSTEAD,
    SEQUENCE,
    MUST,
    UNLESS,
    QUIETLY,
    AUTHORITY,
    NOT,
)
"""A text with none of these words tells nobody to do anything."""
_WIDE = tuple(
    sorted(
        {
            word
            for words in (
                VERBS,
                YOU,
                MACHINE,
                TASK,
                WHICH,
                OVERRIDE,
                INSTEAD,
                SEQUENCE,
                MUST,
                QUIETLY,
                AUTHORITY,
            )
            for word in words
            if word > "\u3000"
        },
        key=len,
        reverse=True,
    )
)
"""Words of scripts that put no space between words."""


def unspaced(text: str) -> list[str]:
    """The words of this file that stand in a text of a script without spaces, in their order there."""
    return sorted((word for word in _WIDE if word in text), key=text.index)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without its commonest English endings.

    >>> stem("transactions"), stem("sending"), stem("invited"), stem("access")
    ('transaction', 'send', 'invit', 'access')
    """
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def families(words: Iterable[str]) -> set[str]:
    """What is done and to what, as far as the words say.

    >>> sorted(families(["paying", "for", "the", "invoice"]))
    ['money', 'pay']
    """
    found: set[str] = set()
    for word in words:
        found |= (
            VERBS.get(word, frozenset())
            | OBJECTS.get(word, frozenset())
            | _BY_STEM.get(stem(word), frozenset())
        )
    return found


def _by_stem() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for table in (VERBS, OBJECTS):
        for word, families_ in table.items():
            found[stem(word)] = found.get(stem(word), frozenset()) | families_
    return found


_BY_STEM = _by_stem()
EMPTY = listed(
    "the and for with that this from are was were will have has had not but they them their there here "
    "what when where which who how its it's our ours his her hers she him can into onto about over "
    "under also any all each some more most other than then just only very been being does did done "
    "get got out off per via use using used one two"
)
"""Words that tell nothing when two texts share them."""
