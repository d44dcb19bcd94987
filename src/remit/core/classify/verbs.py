"""Verbs of action by what is done: as they stand in a command, in English and with the commonest forms of nine others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping


def listed(words: str) -> frozenset[str]:
    """Words as they are written in this file: one text, spaces between."""
    return frozenset(words.split())


_JOINED = ("la", "lo", "las", "los", "le", "les", "li", "me")
_ROMANCE = re.compile(r"[a-zñáéíóú]+[aei]")
_ACUTE = str.maketrans("aeiou", "áéíóú")
_STRESSED = re.compile(r"(?:i(?=[aeo])|u(?=[ae]))?[aeiou](?=[^aeiouáéíóú]+i?[aeiou]$)")


def _with_pronouns(word: str) -> Iterator[str]:
    """Spanish and Italian write a pronoun and the command before it as one word: `mándala`, `inviala`."""
    if word not in _TAKES_PRONOUNS or not _ROMANCE.fullmatch(word):
        return
    stressed = _STRESSED.sub(lambda found: found[0][:-1] + found[0][-1].translate(_ACUTE), word)
    for form in dict.fromkeys((word, stressed)):
        yield from (form + pronoun for pronoun in _JOINED)


_TAKES_PRONOUNS = listed(
    "envía envíe manda mande reenvía publica paga pague transfiere transfiera compra borra elimina elimine cancela "
    "suprime quita crea cree agrega añade reserva cambia cambie modifica reemplaza comparte comparta ejecuta ejecute "
    "instala abre invia inoltra spedisci pubblica trasferisci cancella annulla rimuovi aggiungi prenota aggiorna "
    "imposta condividi esegui avvia installa"
)


def table(lines: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Word to the families that it belongs to."""
    found: dict[str, set[str]] = {}
    for family, words in lines.items():
        for word in words.split():
            for form in (word, *_with_pronouns(word)):
                found.setdefault(form, set()).add(family)
    return {word: frozenset(families) for word, families in found.items()}


VERBS: Mapping[str, frozenset[str]] = table(
    {
        "send": "send manda email mail forward message dm post reply respond submit publish upload "
        "transmit write text notify tell relay deliver broadcast announce export report "
        "sende senden schicke schicken sendet weiterleiten leite envoyer envoyez envoie "
        "transmettez envía enviar envíe envie mande mandar invia inviare inviate spedisci "
        "stuur verzend отправь отправьте отправить перешли 发送 发给 转发 送信 送って 転送 ship courier "
        "push tweet sync mirror schick schickt melde melden übermittle "
        "übermitteln versende versenden antworte antworten schreibe schreiben "
        "veröffentliche transmets transférer expédie expédiez publie publiez répondez "
        "écrivez réexpédiez reenvía reenvíe reenviar envíen publica publicar responde "
        "escribe encaminhe encaminha encaminhar responda escreva invii mandi inoltra "
        "inoltrare inoltri pubblica rispondi scrivi verstuur versturen zend zenden "
        "doorsturen publiceer отправляй отправляйте перешлите переслать пошли пошлите "
        "вышли вышлите напиши напишите опубликуй 发到 寄给 寄到 寄往 转给 邮寄 抄送 回复 发布 通知 送る 送付 投稿 返信",
        "pay": "pay transfer credit debit top wire remit refund reimburse deposit withdraw "
        "purchase buy order donate charge send transaction payment zahle zahlen überweise "
        "überweisen bezahle payer payez virez transférez transfere paga pagar pague "
        "transfiere transferir transfira trasferisci bonifica betaal effectue effectuez "
        "virement переведи переведите заплати 转账 汇款 支付 付款 振り込 支払 begleiche "
        "begleichen kaufe kaufen bestelle bestellen erstatte réglez régler verse versez "
        "achète achetez commandez remboursez compra comprar compre transfiera abona abonar "
        "pagare versa acquista ordina koop bestel betalen оплати оплатите заплатите купи "
        "купите закажи закажите 付给 付到 购买 下单 订购 结账 退款 打款 送金 購入 注文 返金 振込",
        "delete": "delete remove erase wipe purge drop cancel revoke trash uninstall clear destroy "
        "unsubscribe kick ban lösche löschen entferne entfernen storniere supprimer "
        "supprimez effacez annulez borra borrar elimina eliminar elimine cancella apague "
        "excluir verwijder wis удали удалите удалить 删除 取消 削除 lösch löscht streiche "
        "kündige supprime efface effacer annule annuler retire retirez cancelar suprime "
        "suprimir quita borre cancellare elimini annulla annullare rimuovi rimuovere "
        "remova remover exclua cancele verwijderen annuleer annuleren schrap удаляй отмени "
        "отмените отменить сотри 删掉 清除 移除 撤销 作废 消して 消去 取り消し キャンセル",
        "create": "create add make schedule book reserve set setup register open insert append "
        "compose draft start plan put generate issue file erstelle erstellen lege anlegen "
        "buche buchen trage créer créez crée réservez ajoutez ajoute crea crear cree crie "
        "criar reserva reservar agrega añade prenota aggiungi maak reserveer создай "
        "создайте добавь 创建 预订 添加 新建 作成 予約 追加 erzeuge eintragen ajouter planifiez añadir "
        "programa programar agendar creare aggiungere prenotare adicione adicionar agende "
        "voeg boek boeken создать добавить добавьте забронируй запланируй 建立 新增 安排 写入 预约 "
        "作って",
        "update": "update change modify edit reset replace reschedule move rename set adjust alter "
        "switch rotate amend ändere ändern aktualisiere setze verschiebe modifier modifiez "
        "changez remplacez actualiza cambia cambiar modifica mude altere aggiorna wijzig "
        "verander измени измените смени 修改 更改 更新 変更 raise lower extend waive redirect "
        "substitute attach upgrade downgrade migrate setzen ersetze ersetzen modifie "
        "mettez remplace définissez cambie reemplaza ponga establece cambiare imposta "
        "modificare sostituisci mudar substitua defina wijzigen vervang изменить поменяй "
        "замени замените установи смените 改为 改成 换成 换为 设为 设置 替换 调整 変えて 置き換え 設定",
        "invite": "invite add enroll enrol include onboard join einladen lade invitez inviter invita "
        "invitar convida convide uitnodigen nodig пригласи пригласите 邀请 招待 invitare "
        "einlade пригласить",
        "share": "share grant give provide expose disclose reveal leak allow permit teile teilen "
        "gewähre freigeben partager partagez donnez accordez comparte compartir comparta "
        "compartilhe condividi concedi deel geef gib geben accorde accorder concede "
        "conceder otorga поделись предоставь 分享 共享 共有 gewähren partage condividere "
        "compartilhar partilhe conceda concedere delen поделитесь предоставьте 共享给 授予 给予 "
        "开放 公開",
        "run": "run execute install launch exec eval invoke call trigger deploy start enable "
        "disable führe ausführen starte installiere exécutez exécuter lancez ejecuta "
        "ejecutar ejecute esegui eseguire voer запусти выполни выполните 执行 运行 安装 実行 pull "
        "clone patch apply starten exécute lance installez installer correr "
        "lanza instala instalar inicia lancia avvia installa instale inicie uitvoeren "
        "installeer запустить установи установите 启动 起動 インストール",
        "get": "visit get fetch read open browse download load click search look find list check "
        "retrieve go navigate access follow view query lookup see collect gather extract copy besuche "
        "besuchen öffne öffnen lies lesen rufe suche hole visitez ouvrez lisez cherchez récupérez "
        "consultez visita abre abrir lee busca leia visite visitare apri leggi cerca bezoek open lees "
        "zoek открой прочитай посети найди 访问 打开 读取 查看 查找 開いて 読んで アクセス",
        "approve": "approve accept confirm authorize authorise merge sign agree acknowledge endorse "
        "rate recommend genehmige bestätige approuvez confirmez acceptez aprueba confirma "
        "acepta approva conferma keur одобри подтверди 批准 确认 承認 bestätigen genehmigen "
        "approuve accepte apruebe confirme aceptar aprobar approvare aprove aprova "
        "bevestig goedkeuren одобрите подтвердите 通过 同意",
        "operate": "unlock lock turn switch restart reboot shut kill pause resume scale stop activate "
        "deactivate arm disarm open close toggle",
        "handle": "assign escalate promote demote close reopen resolve archive tag label transition "
        "triage approve reject mute prescribe administer dispense shortlist "
        "advance",
        "trade": "sell buy trade bid swap exchange convert redeem subscribe",
        "work": "concatenate combine merge compile summarize summarise translate calculate compute "
        "count print output say repeat answer stop wait keep save store encode decode sort describe "
        "explain analyze analyse use inspect prepare process perform solve pick choose select compare "
        "enter fill treat",
    }
)
"""Verbs of action, as they stand in a command, by what is done."""
