### Die deutschen Texte. Hinweise stehen in en.ftl. Auf Seiten steht „E‑Mail“ mit dem Bindestrich U+2011, an dem keine Zeile
### umbricht.

## Words of several texts

direction = ltr
duration-seconds = { $count ->
    [one] { $count } Sekunde
   *[other] { $count } Sekunden
}
duration-minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}
duration-hours = { $count ->
    [one] { $count } Stunde
   *[other] { $count } Stunden
}
duration-days = { $count ->
    [one] { $count } Tag
   *[other] { $count } Tage
}
duration-years = { $count ->
    [one] { $count } Jahr
   *[other] { $count } Jahre
}
duration = { $unit ->
    [seconds] { duration-seconds }
    [minutes] { duration-minutes }
    [hours] { duration-hours }
    [days] { duration-days }
   *[years] { duration-years }
}
month = { $month ->
    [January] Januar
    [February] Februar
    [March] März
    [April] April
    [May] Mai
    [June] Juni
    [July] Juli
    [August] August
    [September] September
    [October] Oktober
    [November] November
   *[December] Dezember
}
date = { $day }. { month } { $year }
date-time = { $day }. { month } { $year } um { $time } UTC

## Mails

mail-greeting = { $greeting ->
    [0] Guten Tag,
   *[other] Guten Tag { $greeting },
}
mail-link-hint = Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:
mail-link-valid = Der Link ist { $valid } gültig.
mail-link-once = Der Link ist { $valid } gültig und funktioniert nur einmal.
mail-go-to-product = Zu { $product }
mail-nothing-to-do = Wenn Sie das waren, müssen Sie nichts tun.
mail-open-and-confirm = Wenn Sie das waren, öffnen Sie diesen Link und bestätigen Sie die Adresse
mail-confirm-button = E-Mail-Adresse bestätigen
mail-username = { $username ->
    [0] { "" }
   *[other] { " " }mit dem Benutzernamen { $username }
}
mail-new-email = { $new_email ->
    [0] { "" }
   *[other] { " " }in { $new_email }
}
mail-device = { $device ->
    [0] { "" }
   *[other] ; { $device }
}

mail-confirm-subject = Bestätigen Sie Ihre E-Mail-Adresse für { $product }
mail-confirm-title = Bestätigen Sie Ihre E-Mail-Adresse
mail-confirm-intro = diese E-Mail-Adresse wurde für ein Konto bei { $product }{ mail-username } angegeben ({ $at }).
mail-confirm-action = { mail-open-and-confirm }
mail-confirm-valid = { mail-link-valid }
mail-confirm-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail: Ohne Bestätigung wird Ihre Adresse nicht verwendet. Über den Link können Sie sie auch sofort aus dem Konto entfernen.

mail-invitation-subject = Einladung zu { $product }
mail-invitation-title = Sie sind zu { $product } eingeladen
mail-invitation-intro = ein Admin von { $product } lädt Sie zu einem Konto mit dieser E-Mail-Adresse{ mail-username } ein ({ $at }).
mail-invitation-action = Um die Einladung anzunehmen, öffnen Sie diesen Link und legen Sie ein Passwort fest
mail-invitation-button = Einladung annehmen
mail-invitation-valid = { mail-link-once }
mail-invitation-ignore = Wenn Sie das nicht erwartet haben, ignorieren Sie diese E-Mail: Ohne Passwort kann niemand das Konto benutzen, und es wird gelöscht. Geben Sie den Link nicht weiter.

mail-already-registered-subject = Sie haben bereits ein Konto bei { $product }
mail-already-registered-title = Sie haben bereits ein Konto
mail-already-registered-intro = jemand wollte sich mit dieser E-Mail-Adresse bei { $product } registrieren ({ $at }). Sie haben mit dieser Adresse bereits ein Konto; daran wurde nichts geändert.
mail-already-registered-action = Wenn Sie das waren, melden Sie sich hier an. Wenn Sie Ihr Passwort vergessen haben, können Sie es dort zurücksetzen
mail-already-registered-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail.

mail-recover-subject = Setzen Sie Ihr Passwort für { $product } zurück
mail-recover-title = Setzen Sie Ihr Passwort zurück
mail-recover-intro = für Ihr Konto bei { $product }{ mail-username } wurde ein neues Passwort angefordert ({ $at }).
mail-recover-action = Wenn Sie das waren, öffnen Sie diesen Link und legen Sie ein neues Passwort fest
mail-recover-button = Neues Passwort festlegen
mail-recover-valid = { mail-link-once }
mail-recover-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail: Es ändert sich nichts. Geben Sie den Link nicht weiter.

mail-password-changed-subject = Ihr Passwort für { $product } wurde geändert
mail-password-changed-title = Ihr Passwort wurde geändert
mail-password-changed-intro = das Passwort Ihres Kontos bei { $product }{ mail-username } wurde geändert ({ $at }).
mail-password-changed-expected = { mail-nothing-to-do }
mail-password-changed-action = Wenn Sie das nicht waren, hat vielleicht jemand anderes Zugang zu Ihrem Konto. Gehen Sie jetzt zu { $product } und setzen Sie Ihr Passwort dort zurück
mail-reset-signs-out = Wenn Sie Ihr Passwort zurücksetzen, werden alle Geräte abgemeldet.
mail-password-changed-effects = { mail-reset-signs-out }

mail-email-change-subject = Bestätigen Sie Ihre neue E-Mail-Adresse für { $product }
mail-email-change-title = Bestätigen Sie Ihre neue E-Mail-Adresse
mail-email-change-intro = jemand möchte diese E-Mail-Adresse für ein Konto bei { $product }{ mail-username } verwenden ({ $at }).
mail-email-change-action = { mail-open-and-confirm }
mail-email-change-button = { mail-confirm-button }
mail-email-change-valid = Der Link ist { $valid } gültig. Bis zur Bestätigung bleibt das Konto unverändert.
mail-email-change-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail: Ohne Bestätigung wird diese Adresse nicht verwendet.

mail-email-change-notice-subject = Die E-Mail-Adresse Ihres Kontos bei { $product } soll geändert werden
mail-email-change-notice-title = Ihre E-Mail-Adresse soll geändert werden
mail-email-change-notice-intro = jemand möchte die E-Mail-Adresse Ihres Kontos bei { $product }{ mail-username }{ mail-new-email } ändern ({ $at }). Sobald die neue Adresse bestätigt ist, gehen E-Mails zu Ihrem Konto dorthin.
mail-email-change-notice-expected = Wenn Sie das erwartet haben, müssen Sie nichts tun.
mail-email-change-notice-action = Wenn Sie das nicht erwartet haben, wenden Sie sich an den Support von { $product }

mail-email-change-undo-subject = { mail-email-change-notice-subject }
mail-email-change-undo-title = { mail-email-change-notice-title }
mail-email-change-undo-intro = { mail-email-change-notice-intro }
mail-email-change-undo-expected = { mail-nothing-to-do }
mail-email-change-undo-action = Wenn Sie das nicht waren, kennt jemand Ihr Passwort. Öffnen Sie diesen Link, damit Ihr Konto diese Adresse behält. Er funktioniert auch noch, wenn die neue Adresse schon bestätigt ist
mail-undo-button = Das war ich nicht: rückgängig machen
mail-undo-effects = Mit dem Link werden alle Geräte abgemeldet und das Passwort gesperrt. Sie bekommen dann eine E-Mail, mit der Sie ein neues festlegen. Geben Sie den Link nicht weiter.
mail-email-change-undo-button = { mail-undo-button }
mail-email-change-undo-valid = { mail-link-once }
mail-email-change-undo-effects = { mail-undo-effects }

mail-email-changed-subject = Die E-Mail-Adresse Ihres Kontos bei { $product } wurde geändert
mail-email-changed-title = Ihre E-Mail-Adresse wurde geändert
mail-email-changed-intro = die E-Mail-Adresse Ihres Kontos bei { $product }{ mail-username } wurde{ mail-new-email } geändert ({ $at }). E-Mails zu Ihrem Konto gehen jetzt an die neue Adresse.
mail-email-changed-expected = { mail-nothing-to-do }
mail-email-changed-action = Wenn Sie das nicht waren, kennt jemand Ihr Passwort. Öffnen Sie diesen Link, damit Ihr Konto wieder diese Adresse bekommt
mail-email-changed-button = { mail-undo-button }
mail-email-changed-valid = { mail-link-once }
mail-email-changed-effects = { mail-undo-effects }

mail-email-change-undone-subject = Die Änderung Ihrer E-Mail-Adresse bei { $product } wurde rückgängig gemacht
mail-email-change-undone-title = Die Änderung Ihrer E-Mail-Adresse wurde rückgängig gemacht
mail-email-change-undone-intro = Ihr Konto bei { $product }{ mail-username } hat wieder seine frühere E-Mail-Adresse{ $new_email ->
    [0] { "" }
   *[other] { " " }({ $new_email })
}: Jemand hat den Link zum Rückgängigmachen geöffnet, der dorthin geschickt wurde ({ $at }). Alle Geräte sind abgemeldet, und das Passwort ist gesperrt. An die frühere Adresse haben wir eine E-Mail geschickt, mit der sich ein neues Passwort festlegen lässt. E-Mails zu diesem Konto kommen nicht mehr hierher.
mail-email-change-undone-set-password = Wenn Sie das waren, legen Sie mit der E-Mail an die frühere Adresse ein neues Passwort fest.
mail-email-change-undone-expected = { mail-email-change-undone-set-password }
mail-email-change-undone-action = Wenn Sie das nicht waren und das Konto Ihnen gehört, kann jemand anderes die E-Mails an die frühere Adresse lesen. Wenden Sie sich an den Support von { $product }, um Ihr Konto zurückzubekommen

mail-deletion-requested-subject = Ihr Konto bei { $product } wird gelöscht
mail-deletion-requested-title = Ihr Konto wird gelöscht
mail-deletion-on = { $deletion_at ->
    [0] bald
   *[other] am { $deletion_at }
}
mail-deletion-requested-intro = jemand möchte Ihr Konto bei { $product }{ mail-username } löschen ({ $at }). Es wird { mail-deletion-on } gelöscht, mit allem, was darin gespeichert ist. Bis dahin kann sich niemand anmelden.
mail-deletion-requested-expected = { mail-nothing-to-do }
mail-deletion-requested-action = Wenn Sie das nicht waren oder es sich anders überlegt haben, öffnen Sie diesen Link, um Ihr Konto zu behalten
mail-deletion-keep-button = Konto behalten
mail-deletion-requested-button = { mail-deletion-keep-button }
mail-deletion-valid = Der Link funktioniert nur einmal und ist gültig, bis das Konto gelöscht wird. Danach lässt es sich nicht wiederherstellen.
mail-deletion-requested-valid = { mail-deletion-valid }
mail-deletion-requested-effects = Wenn Sie das nicht waren, kennt jemand Ihr Passwort: Setzen Sie es zurück, nachdem Sie den Link geöffnet haben. Geben Sie den Link nicht weiter.

mail-deletion-reminder-subject = Letzte Gelegenheit, Ihr Konto bei { $product } zu behalten
mail-deletion-reminder-title = Ihr Konto wird bald gelöscht
mail-deletion-reminder-intro = wie gewünscht wird Ihr Konto bei { $product }{ mail-username } { mail-deletion-on } gelöscht, mit allem, was darin gespeichert ist.
mail-deletion-reminder-expected = Wenn Sie das möchten, müssen Sie nichts tun.
mail-deletion-reminder-action = Um Ihr Konto zu behalten, öffnen Sie diesen Link
mail-deletion-reminder-button = { mail-deletion-keep-button }
mail-deletion-reminder-valid = { mail-deletion-valid }

mail-new-sign-in-subject = Neue Anmeldung in Ihrem Konto bei { $product }
mail-new-sign-in-title = Neue Anmeldung
mail-new-sign-in-intro = jemand hat sich von einem neuen Gerät oder aus einem neuen Netzwerk in Ihrem Konto bei { $product }{ mail-username } angemeldet ({ $at }{ mail-device }).
mail-new-sign-in-expected = { mail-nothing-to-do }
mail-sign-in-action = Wenn Sie das nicht waren, kennt jemand Ihr Passwort. Gehen Sie jetzt zu { $product } und setzen Sie es dort zurück
mail-new-sign-in-action = { mail-sign-in-action }
mail-new-sign-in-effects = { mail-reset-signs-out }

mail-sign-in-after-failures-subject = Anmeldung bei { $product } nach fehlgeschlagenen Versuchen
mail-sign-in-after-failures-title = Anmeldung nach vielen fehlgeschlagenen Versuchen
mail-sign-in-after-failures-intro = jemand hat sich nach zehn oder mehr falschen Passwörtern oder Codes hintereinander in Ihrem Konto bei { $product }{ mail-username } angemeldet ({ $at }{ mail-device }).
mail-sign-in-after-failures-expected = { mail-nothing-to-do }
mail-sign-in-after-failures-action = { mail-sign-in-action }
mail-sign-in-after-failures-effects = { mail-reset-signs-out }

mail-lockout-subject = Jemand versucht, das Passwort Ihres Kontos bei { $product } zu erraten
mail-lockout-title = Jemand versucht, Ihr Passwort zu erraten
mail-lockout-intro = jemand hat viele falsche Passwörter für Ihr Konto bei { $product }{ mail-username } eingegeben ({ $at }). Zum Schutz kann sich auf neuen Geräten vorerst niemand mit dem Passwort anmelden. Geräte, auf denen Sie angemeldet sind, betrifft das nicht.
mail-lockout-action = Um sich auf einem neuen Gerät anzumelden, setzen Sie Ihr Passwort per E-Mail zurück
mail-lockout-button = Passwort zurücksetzen
mail-lockout-ignore = Wenn Sie sich nicht auf einem neuen Gerät anmelden möchten, müssen Sie nichts tun.

mail-deletion-cancelled-subject = Ihr Konto bei { $product } wird nicht gelöscht
mail-deletion-cancelled-title = Ihr Konto bleibt bestehen
mail-deletion-cancelled-intro = die Löschung Ihres Kontos bei { $product }{ mail-username } wurde abgebrochen ({ $at }). Sie können sich wie bisher anmelden.
mail-deletion-cancelled-expected = { mail-email-change-notice-expected }
mail-deletion-cancelled-action = Wenn Sie das nicht erwartet haben, hat vielleicht jemand anderes Zugang zu Ihrem Konto. Setzen Sie hier Ihr Passwort zurück
mail-deletion-cancelled-button = { mail-lockout-button }
mail-deletion-cancelled-effects = { mail-reset-signs-out }

mail-test-subject = Test-E-Mail von { $product }
mail-test-title = E-Mails von { $product } kommen an
mail-test-intro = Sie haben diese Test-E-Mail als Admin von { $product } angefordert ({ $at }). Sie wurde wie jede andere E-Mail verschickt.
mail-test-action = Sie müssen nichts tun. Hier ist { $product }

mail-factor-reset = Setzen Sie jetzt Ihr Passwort zurück
mail-factor-not-you = Wenn Sie das nicht waren, kennt jemand Ihr Passwort. { mail-factor-reset }
mail-factor-effects = { mail-reset-signs-out } Die Zwei-Faktor-Anmeldung bleibt, wie sie ist. Wenn Sie sich danach nicht anmelden können, wenden Sie sich an den Support von { $product }.

mail-code-lockout-subject = Jemand versucht, Codes für Ihr Konto bei { $product } zu erraten
mail-code-lockout-title = Jemand kennt Ihr Passwort und versucht, Codes zu erraten
mail-code-lockout-intro = jemand hat das Passwort Ihres Kontos bei { $product }{ mail-username } und viele falsche Codes eingegeben ({ $at }). Zum Schutz kann sich auf neuen Geräten vorerst niemand mit einem Code aus Ihrer Authenticator-App anmelden. Geräte, auf denen Sie schon einmal einen Code eingegeben haben, betrifft das nicht.
mail-code-lockout-action = { mail-factor-not-you }
mail-code-lockout-button = { mail-lockout-button }
mail-code-lockout-effects = { mail-reset-signs-out } Ein neues Passwort allein hebt diesen Schutz nicht auf: Nachdem Sie es per E-Mail festgelegt haben, können Sie fünf Codes eingeben. Ein Wiederherstellungscode funktioniert immer.

mail-factor-added-subject = Neue Authenticator-App für Ihr Konto bei { $product }
mail-factor-added-title = Eine Authenticator-App wurde hinzugefügt
mail-factor-added-intro = zu Ihrem Konto bei { $product }{ mail-username } wurde eine Authenticator-App hinzugefügt ({ $at }). Für die Anmeldung brauchen Sie jetzt Ihr Passwort und einen Code.
mail-factor-added-expected = { mail-nothing-to-do }
mail-factor-added-action = { mail-factor-not-you }
mail-factor-added-button = { mail-lockout-button }
mail-factor-added-effects = { mail-factor-effects }

mail-first-factor-added-subject = Zwei-Faktor-Anmeldung für Ihr Konto bei { $product } eingeschaltet
mail-first-factor-added-title = Die Zwei-Faktor-Anmeldung wurde eingeschaltet
mail-first-factor-added-intro = zu Ihrem Konto bei { $product }{ mail-username } wurde die erste Authenticator-App hinzugefügt ({ $at }). Für die Anmeldung brauchen Sie jetzt Ihr Passwort und einen Code.
mail-first-factor-added-expected = { mail-nothing-to-do }
mail-first-factor-added-action = Wenn Sie das nicht waren, kennt jemand Ihr Passwort. Öffnen Sie diesen Link, um Ihr Konto wiederherzustellen. Er funktioniert auch noch, wenn die E-Mail-Adresse des Kontos geändert wurde
mail-first-factor-added-button = Das war ich nicht: App entfernen
mail-first-factor-added-valid = { mail-link-once }
mail-first-factor-added-effects = Mit dem Link werden alle Authenticator-Apps entfernt, alle Geräte abgemeldet und das Passwort gesperrt. Sie bekommen dann eine E-Mail, mit der Sie ein neues festlegen. Geben Sie den Link nicht weiter.

mail-factor-removed-subject = Authenticator-App aus Ihrem Konto bei { $product } entfernt
mail-factor-removed-title = Eine Authenticator-App wurde entfernt
mail-factor-removed-intro = aus Ihrem Konto bei { $product }{ mail-username } wurde eine Authenticator-App entfernt ({ $at }). Wenn es die einzige war, ist Ihr Konto jetzt nur noch durch das Passwort geschützt.
mail-factor-removed-expected = Wenn Sie das waren oder den Support darum gebeten haben, müssen Sie nichts tun.
mail-factor-removed-action = Wenn Sie das nicht waren, hat vielleicht jemand anderes Zugang zu Ihrem Konto. { mail-factor-reset }
mail-factor-removed-button = { mail-lockout-button }
mail-factor-removed-effects = { mail-factor-effects }

mail-recovery-codes-renewed-subject = Neue Wiederherstellungscodes für Ihr Konto bei { $product }
mail-recovery-codes-renewed-title = Sie haben neue Wiederherstellungscodes
mail-recovery-codes-renewed-intro = für Ihr Konto bei { $product }{ mail-username } wurden neue Wiederherstellungscodes erstellt ({ $at }). Die alten Codes gelten nicht mehr.
mail-recovery-codes-renewed-expected = { mail-nothing-to-do }
mail-recovery-codes-renewed-action = Wenn Sie das nicht waren, hat vielleicht jemand anderes Zugang zu Ihrem Konto. { mail-factor-reset }
mail-recovery-codes-renewed-button = { mail-lockout-button }
mail-recovery-codes-renewed-effects = { mail-factor-effects }

mail-recovery-code-used-subject = Wiederherstellungscode Ihres Kontos bei { $product } verwendet
mail-recovery-code-used-title = Ein Wiederherstellungscode wurde verwendet
mail-recovery-code-used-intro = jemand hat einen Wiederherstellungscode Ihres Kontos bei { $product }{ mail-username } eingegeben ({ $at }). Dieser Code gilt jetzt nicht mehr.
mail-recovery-code-used-expected = { mail-nothing-to-do }
mail-recovery-code-used-action = Wenn Sie das nicht waren, kennt jemand Ihr Passwort und einen Ihrer Wiederherstellungscodes. { mail-factor-reset }
mail-recovery-code-used-button = { mail-lockout-button }
mail-recovery-code-used-effects = { mail-reset-signs-out } Melden Sie sich dann an und erstellen Sie neue Wiederherstellungscodes. Wenn Sie sich nicht anmelden können, wenden Sie sich an den Support von { $product }.

mail-recovery-codes-low-subject = Nur noch wenige oder keine Wiederherstellungscodes für { $product }
mail-recovery-codes-low-title = Sie haben nur noch wenige oder keine Wiederherstellungscodes
mail-recovery-codes-low-intro = jemand hat einen Wiederherstellungscode Ihres Kontos bei { $product }{ mail-username } eingegeben ({ $at }). Es sind höchstens noch zwei Codes übrig.
mail-recovery-codes-low-expected = Wenn Sie das waren, erstellen Sie in Ihrem Konto neue Wiederherstellungscodes. Ohne Code und ohne Ihre Authenticator-App können Sie sich nicht anmelden.
mail-recovery-codes-low-action = { mail-recovery-code-used-action }
mail-recovery-codes-low-button = { mail-lockout-button }
mail-recovery-codes-low-effects = { mail-recovery-code-used-effects }

## Pages: words of several pages

label-email = E‑Mail
label-login = E‑Mail oder Benutzername
label-username = Benutzername
label-name = Name
label-password = Passwort
label-new-password = Neues Passwort
label-code = Code
code-hint = Aus Ihrer Authenticator-App oder ein Wiederherstellungscode.
show-password = Passwort anzeigen
hide-password = Passwort verbergen
password-hint = Mindestens { $min_length } Zeichen. Ein paar zufällige Wörter sind leicht zu merken und schwer zu erraten.
sign-in = Anmelden
sign-in-other-account = Mit einem anderen Konto anmelden
forgot-password = Passwort vergessen?
please-wait = Bitte warten
copy = Kopieren
copied = Kopiert
print = Drucken
contact-support = Support kontaktieren
cancel = Abbrechen
send-link = Link schicken
send-again = E‑Mail noch einmal schicken
back-to-sign-in = Zurück zur Anmeldung
title-error = Fehler:
start-page = Zur Startseite
panel-incomplete = Das kann gerade nicht angezeigt werden.
try-again = Noch einmal versuchen
check-email = Schauen Sie in Ihr Postfach
check-email-hint = Nichts da? Es kann eine Minute dauern. Sehen Sie auch im Spam-Ordner nach.
open-inbox = Eingebauten Posteingang öffnen
for-developers = Für Entwickler:
api-reference = API-Referenz
inbox = Posteingang

## Pages: errors of fields and forms

fault-login = { $code ->
    [missing] Geben Sie Ihre E‑Mail-Adresse oder Ihren Benutzernamen ein.
   *[other] Geben Sie eine gültige E‑Mail-Adresse oder einen gültigen Benutzernamen ein.
}
fault-email = { $code ->
    [missing] Geben Sie Ihre E‑Mail-Adresse ein.
    [taken] Zu dieser Adresse gibt es schon ein Konto. Sie können sich damit anmelden.
    [unchanged] Ihr Konto hat diese Adresse bereits.
    [too-long] Diese Adresse ist zu lang.
    [domain-not-allowed] E‑Mail-Adressen dieser Domain können Sie hier nicht verwenden.
   *[other] Geben Sie eine gültige E‑Mail-Adresse ein, zum Beispiel ben@example.com.
}
fault-user-email = { $code ->
    [missing] Geben Sie eine E‑Mail-Adresse ein.
    [taken] Zu dieser Adresse gibt es schon ein Konto.
    [unchanged] Dieses Konto hat diese Adresse bereits.
    [account-disabled] Dieses Konto ist gesperrt. Entsperren Sie es zuerst.
   *[other] { fault-email }
}
fault-username = { $code ->
    [missing] Geben Sie einen Benutzernamen ein.
    [taken] Dieser Benutzername ist schon vergeben. Wählen Sie einen anderen.
    [reserved] Dieser Benutzername ist reserviert. Wählen Sie einen anderen.
    [too-long] Ein Benutzername hat höchstens 64 Zeichen.
   *[other] Ein Benutzername beginnt mit einem Buchstaben oder einer Ziffer und enthält nur Buchstaben, Ziffern und . _ - +
}
fault-password = { $code ->
    [missing] Geben Sie ein Passwort ein.
    [too-short] Dieses Passwort ist zu kurz: Es braucht mindestens { $min_length } Zeichen.
    [too-long] Dieses Passwort ist zu lang.
    [common] Dieses Passwort ist zu verbreitet. Wählen Sie ein anderes.
    [breached] Dieses Passwort ist aus einem Datenleck bekannt. Wählen Sie ein anderes.
    [too-personal] Dieses Passwort lässt sich aus Ihrem Namen oder Ihrer Adresse zu leicht erraten. Wählen Sie ein anderes.
    [wrong] Das Passwort ist falsch.
   *[other] Dieses Passwort ist nicht möglich. Wählen Sie ein anderes.
}
fault-code = { $code ->
    [missing] Geben Sie einen Code ein.
    [wrong] Der Code ist falsch. Jeder Code gilt nur einmal: Warten Sie auf den nächsten oder verwenden Sie einen Wiederherstellungscode.
   *[other] Geben Sie einen Code aus Ihrer Authenticator-App oder einen Wiederherstellungscode ein.
}
fault-setup-code = { $code ->
    [missing] Geben Sie einen Code ein.
    [wrong] Der Code ist falsch. Prüfen Sie die Uhrzeit Ihres Smartphones und geben Sie den jetzt angezeigten Code ein.
   *[other] Geben Sie die sechs Ziffern ein, die Ihre Authenticator-App anzeigt.
}
fault-name = { $code ->
    [too-long] Ein Name hat höchstens 200 Zeichen.
   *[other] Dieser Name ist nicht möglich. Wählen Sie einen anderen.
}
fault-locale = Wählen Sie eine Sprache aus der Liste.
fault-choice = Wählen Sie einen Eintrag aus der Liste.
fault-reason = Wählen Sie einen Grund aus der Liste.
fault-people = { $code ->
    [missing] Geben Sie mindestens eine Person ein.
    [too-many] Geben Sie höchstens 20 Personen ein.
   *[failed] Nicht alle sind eingeladen. Korrigieren Sie deren Zeilen und senden Sie sie noch einmal.
}
fault-data = { $code ->
    [missing] Geben Sie {"{"}{"}"} ein, um alle Daten zu entfernen.
    [wrong-type] Geben Sie ein JSON-Objekt ein, etwa {"{"}"plan": "pro"{"}"}.
    [too-long] Die Daten dürfen höchstens 16 KiB groß sein.
    [too-deep] Die Daten dürfen höchstens 32 Ebenen tief sein.
    [out-of-range] Eine Zahl ist zu groß oder hat zu viele Stellen. Schreiben Sie sie als Text in Anführungszeichen.
    [changed] Dieses Konto wurde inzwischen geändert. Wenn Sie noch einmal speichern, wird ersetzt, was jetzt gespeichert ist.
   *[invalid] Das ist kein gültiges JSON, oder ein Name kommt doppelt vor.
}
fault-people-username = { $code ->
    [missing] Schreiben Sie einen Benutzernamen vor die Adresse: Der Link bestätigt keine Adresse, also ist er zum Anmelden nötig.
   *[other] { fault-username }
}
fault-filter = { $kind ->
    [text] Geben Sie höchstens 200 Zeichen ein.
    [network] Geben Sie eine IP-Adresse oder ein Netz wie 203.0.113.0/24 ein.
    [day] Geben Sie einen Tag wie 2026-11-21 ein.
    [range] Dieser Zeitraum enthält keinen Tag. Wählen Sie einen späteren Tag.
    [sign-ins] Beides trifft auf kein Konto zu. Wählen Sie einen Tag nach dem von „Angemeldet seit“.
   *[choice] { fault-choice }
}
fault-factor-name = { $code ->
    [too-long] Ein Name hat höchstens 64 Zeichen.
   *[other] Dieser Name ist nicht möglich. Wählen Sie einen anderen.
}
form-problem = { $code ->
    [invalid-credentials] E‑Mail-Adresse, Benutzername oder Passwort ist falsch. Versuchen Sie es noch einmal oder setzen Sie Ihr Passwort zurück.
    [wrong-password] Das Passwort ist falsch.
    [challenge-expired] Ihre Anmeldung ist abgelaufen, oder zu viele Codes waren falsch. Melden Sie sich noch einmal an.
    [unknown-account] Wir haben kein Konto mit diesem Namen gefunden.
    [email-unconfirmed] Ihre E‑Mail-Adresse ist noch nicht bestätigt. Öffnen Sie den Link in der E‑Mail, die wir Ihnen geschickt haben.
    [account-disabled] Dieses Konto ist gesperrt. Wenden Sie sich an den Support.
    [codes-locked-out] Zu viele falsche Codes. Verwenden Sie einen Wiederherstellungscode oder ein Gerät, auf dem Sie schon einmal einen Code eingegeben haben, oder setzen Sie Ihr Passwort per E‑Mail zurück. Wenn nichts davon hilft, wenden Sie sich an den Support.
    [too-many-attempts] Zu viele Versuche. Versuchen Sie es in { $wait } noch einmal.
    [overloaded] Gerade ist sehr viel los. Versuchen Sie es gleich noch einmal.
    [precondition-failed] Ihr Passwort wurde eben an anderer Stelle geändert. Melden Sie sich noch einmal an.
    [last-admin] Außer Ihnen gibt es keinen Admin. Machen Sie zuerst jemand anderen zum Admin.
   *[other] Etwas stimmt noch nicht. Prüfen Sie Ihre Angaben und versuchen Sie es noch einmal.
}

terms = Nutzungsbedingungen
privacy = Datenschutz
support = Support

## Pages

sign-in-notice = { $name ->
    [signed-out] Sie sind abgemeldet.
    [session-ended] Sie wurden abgemeldet. Melden Sie sich noch einmal an, um fortzufahren.
    [not-saved] Sie wurden abgemeldet, deshalb wurde nichts gespeichert. Melden Sie sich an und versuchen Sie es noch einmal.
    [signed-up] Ihr Konto ist bereit. Melden Sie sich an, um fortzufahren.
    [confirmed] Ihre E‑Mail-Adresse ist bestätigt. Melden Sie sich an, um fortzufahren.
    [email-changed] Ihre neue Adresse ist bestätigt. Sie sind auf allen Geräten abgemeldet: Melden Sie sich noch einmal an.
    [cancelled] Danke für den Hinweis. Wir haben Ihre E‑Mail-Adresse aus dem Konto entfernt, und niemand kann sich damit anmelden. Sie müssen nichts weiter tun.
    [recovered] Ihr Passwort wurde geändert. Sie sind auf allen Geräten abgemeldet: Melden Sie sich mit dem neuen Passwort an.
    [factors-undone] Die Zwei-Faktor-Anmeldung ist aus. Sie sind auf allen Geräten abgemeldet, und das alte Passwort gilt nicht mehr. Wir haben Ihnen eine E‑Mail mit einem Link geschickt, mit dem Sie ein neues festlegen. Wenn jemand anderes die E‑Mail-Adresse Ihres Kontos geändert hat, machen Sie das zuerst mit dem Link in der E‑Mail über die Änderung rückgängig.
    [deleted] Ihr Konto ist gelöscht.
   *[kept] Ihr Konto wird nicht gelöscht. Sie können sich wieder anmelden.
}
sign-in-to-be-deleted = Sie sind abgemeldet. Ihr Konto wird am { $at } gelöscht. Bis dahin können Sie es behalten: Geben Sie dazu unten Ihr Passwort ein.
sign-in-deletion-sent-to = Wir haben auch einen Link an { $email } geschickt.
sign-in-email-undone = Ihr Konto verwendet wieder { $name ->
    [0] die vorherige E‑Mail-Adresse
   *[other] { $name }
}. Sie sind auf allen Geräten abgemeldet, und das alte Passwort gilt nicht mehr. Wir haben Ihnen eine E‑Mail mit einem Link geschickt, mit dem Sie ein neues festlegen.
sign-in-factors-undone-too = Auch die Zwei-Faktor-Anmeldung wurde ausgeschaltet. Schalten Sie sie nach der Anmeldung wieder ein.
sign-in-cookie = Sie sind nicht angemeldet: Ihr Browser hat unser Cookie nicht angenommen. Öffnen Sie diese Seite unter einer Adresse, die mit https:// beginnt. Über http:// nehmen Browser das Cookie nur auf localhost an, Safari nicht einmal dort. Wenn die Adresse stimmt, erlauben Sie Cookies für diese Website.
sign-in-new = Neu hier? { $link }
sign-in-new-link = Konto anlegen

sign-up-button = Konto anlegen
sign-up-title = Konto anlegen
sign-up-email-optional = E‑Mail (optional)
sign-up-email-hint = Damit können Sie Ihr Passwort zurücksetzen.
sign-up-name-optional = Ihr Name (optional)
sign-up-other-form = { $name ->
    [email] Stattdessen eine E‑Mail-Adresse verwenden
    [also-username] Auch einen Benutzernamen wählen
    [without-username] Ohne Benutzernamen registrieren
   *[username] Stattdessen einen Benutzernamen verwenden
}
sign-up-domains = { $count ->
    [one] Verwenden Sie eine E‑Mail-Adresse mit der Domain { $domains }.
   *[other] Verwenden Sie eine E‑Mail-Adresse mit einer dieser Domains: { $domains }.
}
sign-up-with-subdomains = { $domain } (auch Subdomains)
sign-up-closed = { $policy ->
    [invitation] Sie brauchen eine Einladung
   *[closed] Die Registrierung ist geschlossen
}
sign-up-closed-text = { $policy ->
    [invitation] Für ein neues Konto brauchen Sie eine Einladung. Wenn Sie eine haben, öffnen Sie den Link darin. Wenn nicht, fragen Sie den Betreiber.
   *[closed] Hier können keine neuen Konten angelegt werden. Bitten Sie den Betreiber um ein Konto.
}
sign-up-terms = Wenn Sie ein Konto anlegen, akzeptieren Sie die { $link }.
sign-up-known = Sie haben schon ein Konto? { $link }

invitation-title = Sie sind eingeladen
invitation-text = Legen Sie ein Passwort fest, um Ihr Konto anzulegen.
invitation-button = Einladung annehmen

code-title = Code eingeben
code-intro = Ihr Passwort stimmt. Um die Anmeldung abzuschließen, öffnen Sie Ihre Authenticator-App und geben Sie den Code ein, den sie anzeigt.

required-title = Zwei-Faktor-Anmeldung einrichten
required-text = Für Ihr Konto ist die Zwei-Faktor-Anmeldung erforderlich: Sie melden sich dann mit Ihrem Passwort und einem Code aus einer Authenticator-App auf Ihrem Smartphone an. Wenn Sie noch keine App haben, installieren Sie zuerst eine.

sent-to = Wir haben eine E‑Mail an { $email } geschickt. Öffnen Sie den Link darin, um Ihre Adresse zu bestätigen. Er ist 24 Stunden gültig.
sent-again = Wenn diese Adresse noch auf ihre Bestätigung wartet, haben wir die E‑Mail noch einmal geschickt.
sent-wrong-address = Falsche Adresse? { $link }
sent-wrong-address-link = Noch einmal registrieren

request-confirmation-title = E‑Mail-Adresse bestätigen
request-confirmation-intro = Geben Sie Ihre E‑Mail-Adresse ein. Wir schicken Ihnen den Link noch einmal.

confirm-title = E‑Mail-Adresse bestätigen
confirm-done = E‑Mail-Adresse bestätigt
confirm-done-text = Sie müssen nichts weiter tun.
confirm-done-next = Zu Ihrem Konto
confirm-is-new = Haben Sie dieses Konto angelegt?
confirm-is-new-text = Dieser Link bestätigt eine Registrierung mit Ihrer E‑Mail-Adresse. Bestätigen Sie nur, wenn Sie sich zu dieser Zeit selbst registriert haben.
confirm-is-change = Ist das die Adresse Ihres Kontos?
confirm-is-change-text = Dieser Link trägt die folgende Adresse in einem Konto ein. Bestätigen Sie nur, wenn das Konto Ihnen gehört und Sie das selbst angefordert haben.
confirm-replaces-text = Dieser Link ersetzt die aktuelle Adresse eines Kontos durch die folgende. Bestätigen Sie nur, wenn das Konto Ihnen gehört und Sie das selbst angefordert haben.
confirm-signs-out = Danach sind Sie auf allen Geräten abgemeldet.
confirm-signed-up-at = Registriert
confirm-requested-at = Angefordert
confirm-chosen-password = Das Passwort, das Sie gewählt haben
confirm-your-password = Ihr Passwort
confirm-button = Bestätigen
confirm-cancel = Das war ich nicht

account-title = Ihr Konto
account-hello = { $name ->
    [0] Hallo
   *[other] Hallo { $name }
}
account-role = Rolle
account-admin = Admin
account-since = Dabei seit
account-profile = Profil
account-security = Sicherheit
account-factors-on = Ein
account-factors-off = Aus
account-this-device = Dieses Gerät
account-tasks = Zu tun
account-no-tasks = Nichts. Ihr Konto ist gut eingerichtet.
account-other-sign-in = Letzte Anmeldung außer dieser
account-signed-in-on = Zurzeit angemeldet
account-change = Ändern
skip-to-content = Zum Inhalt springen
section = { $name ->
    [overview] Übersicht
    [profile] Profil
    [email] E‑Mail
    [password] Passwort
    [factors] Zwei-Faktor-Anmeldung
    [activity] Aktivitäten
    [data] Ihre Daten
    [delete] Konto löschen
   *[devices] Geräte
}
task = { $name ->
    [confirm-email] Neue E‑Mail-Adresse bestätigen
    [add-email] E‑Mail-Adresse hinzufügen, damit Sie Ihr Passwort zurücksetzen können
    [renew-codes] Neue Wiederherstellungscodes erstellen: Es sind nur noch wenige übrig
   *[add-factor] Zwei-Faktor-Anmeldung einschalten
}

profile-intro = Ihr Name wird Ihnen hier und in den Anwendungen angezeigt, die Sie nutzen.
profile-saved = Gespeichert.
profile-save = Speichern
profile-language = Sprache
profile-language-of-browser = Wie im Browser
profile-language-hint = Für diese Seiten und für E‑Mails.

email-current = Ihre Adresse
email-confirmed = Bestätigt
email-not-confirmed = Noch nicht bestätigt
email-none = Ihr Konto hat keine bestätigte E‑Mail-Adresse. Ohne sie können Sie Ihr Passwort nicht zurücksetzen.
email-pending = Neue Adresse
email-pending-text = Öffnen Sie den Link in der E‑Mail an diese Adresse und bestätigen Sie sie. Bis dahin ändert sich nichts.
email-sent = Wir haben eine E‑Mail an Ihre neue Adresse geschickt.
email-now-confirmed = Ihre Adresse ist bestätigt.
email-sent-again = Wir haben die E‑Mail noch einmal geschickt.
email-cancelled = Die Änderung ist abgebrochen.
email-cancel = Änderung abbrechen
email-change = Adresse ändern
email-change-text = Wir schicken einen Link an die neue Adresse. Sobald Sie sie dort bestätigen, ersetzt sie die aktuelle, und Sie werden auf allen Geräten abgemeldet. Auch an die aktuelle Adresse schicken wir eine Nachricht.
email-add = Adresse hinzufügen
email-add-text = Wir schicken einen Link an die Adresse. Bestätigen Sie sie dort, um sie zu verwenden.
email-new = Neue E‑Mail-Adresse

devices-intro = Auf diesen Geräten sind Sie angemeldet. Wenn Sie eines nicht kennen, melden Sie es ab und ändern Sie Ihr Passwort.
devices-count = { $count ->
    [one] { $count } Gerät
   *[other] { $count } Geräte
}
devices-only-one = Sie sind nur auf diesem Gerät angemeldet.
devices-signed-out = Das Gerät ist abgemeldet.
devices-others-signed-out = Alle anderen Geräte sind abgemeldet.
devices-others = Auf anderen Geräten abmelden
devices-others-text = Tun Sie das, wenn Sie ein Gerät verloren haben oder vielleicht jemand anderes Ihr Konto nutzt.
devices-others-button = Alle anderen Geräte abmelden
devices-others-heading = Alle anderen Geräte abmelden?
devices-others-effects = Hier bleiben Sie angemeldet. Auf jedem anderen Gerät ist wieder das Passwort nötig. Schon verschickte Links zum Zurücksetzen des Passworts funktionieren nicht mehr.
device-name = { $name ->
    [0] { $system ->
        [0] Unbekanntes Gerät
       *[other] { $system }
    }
   *[other] { $system ->
        [0] { $name }
        [iPhone] { $name } auf dem iPhone
        [iPad] { $name } auf dem iPad
       *[other] { $name } unter { $system }
    }
}
device-active-now = gerade aktiv
device-active-minutes = { $count ->
    [one] vor { $count } Minute aktiv
   *[other] vor { $count } Minuten aktiv
}
device-active-hours = { $count ->
    [one] vor { $count } Stunde aktiv
   *[other] vor { $count } Stunden aktiv
}
device-active-days = { $count ->
    [one] vor { $count } Tag aktiv
   *[other] vor { $count } Tagen aktiv
}
device-place = { $kind ->
    [same] gleiches Netzwerk wie jetzt
    [private] privates Netzwerk
   *[other] { $address }
}
device-signed-in = angemeldet am
device-sign-out = { $name } abmelden
sign-out = Abmelden

activity-intro = Anmeldungen in Ihrem Konto und Änderungen daran.
activity-list = Verlauf
activity-none = Noch nichts. Anmeldungen und Änderungen erscheinen hier.
activity-newest = Neueste
activity-older = Ältere
activity-not-me-one = Das war ich nicht
activity-not-me = Kam etwas davon nicht von Ihnen?
activity-not-me-text = Vielleicht kennt jemand anderes Ihr Passwort. Ändern Sie es: Damit melden Sie auch Ihre anderen Geräte ab. Prüfen Sie danach Ihre E‑Mail-Adresse und die Zwei-Faktor-Anmeldung.
activity = { $event ->
    [sign-up] Konto angelegt
    [invited] Eingeladen
    [invitation-accepted] Einladung angenommen
    [email-confirmed] E‑Mail-Adresse bestätigt
    [confirmation-requested] E‑Mail zur Bestätigung der Adresse noch einmal gesendet
    [confirmation-cancelled] Änderung der E‑Mail-Adresse abgebrochen
    [sign-in] Angemeldet
    [second-factor-requested] Passwort eingegeben, Code abgefragt
    [sign-out] Abgemeldet
    [sessions-revoked] Geräte abgemeldet
    [session-evicted] Das älteste Gerät wurde abgemeldet, weil es zu viele waren
    [password-changed] Passwort geändert
    [password-set] Passwort festgelegt
    [recovery-requested] E‑Mail zum Zurücksetzen des Passworts angefordert
    [recovery-mailed] Jemand wollte das Passwort zurücksetzen; wir haben eine E‑Mail geschickt
    [recovered] Passwort per E‑Mail zurückgesetzt
    [factor-added] Authenticator-App hinzugefügt
    [factor-removed] Authenticator-App entfernt
    [factors-undone] Zwei-Faktor-Anmeldung ausgeschaltet
    [recovery-codes-renewed] Neue Wiederherstellungscodes erstellt
    [recovery-code-used] Wiederherstellungscode verwendet
    [email-change-requested] Änderung der E‑Mail-Adresse angefordert
    [email-change-undone] Änderung der E‑Mail-Adresse rückgängig gemacht
    [role-changed] Rolle geändert
    [status-changed] Konto gesperrt oder entsperrt
    [deletion-requested] Löschung des Kontos angefordert
    [deletion-cancelled] Löschung abgebrochen, das Konto bleibt bestehen
    [user-exported] Daten heruntergeladen
   *[profile-updated] Profil geändert
}
activity-by = { $actor ->
    [admin] von einem Admin
    [operator] vom Betreiber
    [server] automatisch
   *[unknown] mit einem Link in einer E‑Mail
}

data-intro = Hier sehen Sie, was über Sie gespeichert ist, und können es herunterladen. Anwendungen, bei denen Sie sich anmelden, speichern vielleicht mehr.
data-download = Herunterladen
data-download-text = Eine JSON-Datei mit allem, was unten steht, außer Ihrem Passwort, den Schlüsseln Ihrer Authenticator-Apps, den Wiederherstellungscodes und der Anzahl der Versuche.
data-download-button = Daten herunterladen
data-stored = Was gespeichert ist und wie lange
data-category = { $name ->
    [user] Profil
    [password] Passwort
    [factors] Zwei-Faktor-Anmeldung
    [sessions] Geräte, auf denen Sie angemeldet sind
    [devices] Bekannte Geräte
    [links] Links in E‑Mails
    [mails] E‑Mails an Sie
    [audit] Aktivitäten
   *[other] Versuche
}
data-until = { $name ->
    [user] Name, Benutzername, E‑Mail-Adresse und Sprache, solange Sie das Konto haben. Wenn Sie es löschen, bleibt alles noch { $period } lang gespeichert, damit Sie es sich anders überlegen können.
    [user-at-once] Name, Benutzername, E‑Mail-Adresse und Sprache, solange Sie das Konto haben.
    [password] Bis Sie es ändern oder das Konto gelöscht wird. Niemand kann es lesen.
    [factors] Die Schlüssel Ihrer Authenticator-Apps und Ihre Wiederherstellungscodes, bis sie entfernt werden oder das Konto gelöscht wird. Niemand kann sie lesen.
    [sessions] Browser, IP-Adresse und Zeiten, { $period } ab der letzten Verlängerung, höchstens { $longest } ab der Anmeldung.
    [devices] Browser und Netzwerk der Geräte, auf denen Sie sich angemeldet haben, { $period } ab der letzten Anmeldung dort.
    [links] Zweck, E‑Mail-Adresse und Zeiten, bis { $period } nach ihrem Ablauf.
    [mails] Bis sie verschickt sind. Wenn das { $period } lang nicht gelingt, bleiben sie noch { $longest } lang gespeichert.
    [audit] Anmeldungen und Änderungen mit Browser und IP-Adresse, { $period } lang. Wenn das Konto gelöscht wird, werden Browser und IP-Adresse entfernt.
    [audit-unlimited] Anmeldungen und Änderungen mit Browser und IP-Adresse, ohne Frist. Wenn das Konto gelöscht wird, werden Browser und IP-Adresse entfernt.
   *[other] Wie viele falsche Passwörter und andere Versuche es gab, zum Schutz Ihres Kontos, höchstens { $period } lang. Mit Zwei-Faktor-Anmeldung auch, wie oft das Passwort zurückgesetzt wurde, seit Sie zuletzt einen Code eingegeben haben, höchstens { $longest } lang.
}
data-applications = Von Anwendungen gespeichert
data-applications-text = Das haben Anwendungen in Ihrem Konto gespeichert.
data-applications-none = Keine Anwendung hat etwas in Ihrem Konto gespeichert.

delete-title = Konto löschen
delete-intro = { $days ->
    [0] Ihr Konto wird sofort gelöscht und lässt sich nicht wiederherstellen.
    [one] Ihr Konto wird morgen um diese Zeit gelöscht. Bis dahin kann es niemand benutzen, danach lässt es sich nicht wiederherstellen.
   *[other] Ihr Konto wird in { $days } Tagen gelöscht. Bis dahin kann es niemand benutzen, danach lässt es sich nicht wiederherstellen.
}
delete-undo-by-email = Wenn Sie es sich vorher anders überlegen, öffnen Sie den Link in der E‑Mail, die wir Ihnen schicken, oder geben Sie auf der Anmeldeseite Ihr Passwort ein: Dort können Sie das Konto behalten.
delete-undo-by-sign-in = Wenn Sie es sich vorher anders überlegen, geben Sie auf der Anmeldeseite Ihr Passwort ein: Dort können Sie das Konto behalten.
delete-goes = Was gelöscht wird
delete-goes-profile = Ihr Name und Benutzername, Ihre E‑Mail-Adresse und Sprache
delete-goes-security = Ihr Passwort, Ihre Authenticator-Apps, Wiederherstellungscodes und bekannten Geräte
delete-goes-data = Alles, was Anwendungen in Ihrem Konto gespeichert haben
delete-stays = Was bleibt
delete-stays-applications = Was Anwendungen selbst gespeichert haben: Bitten Sie dort um Löschung
delete-stays-log = Ein Protokoll der Anmeldungen und Änderungen, ohne Ihren Namen und Ihre Adresse
delete-signs-out = Sie werden auf allen Geräten abgemeldet.
delete-reason = Warum möchten Sie gehen? (optional)
delete-reason-none = Keine Angabe
delete-reason-name = { $reason ->
    [not-needed] Ich brauche es nicht mehr
    [other-account] Ich habe ein anderes Konto
    [privacy] Ich möchte nicht, dass meine Daten gespeichert sind
    [problems] Etwas hat nicht funktioniert
   *[other] Ein anderer Grund
}
delete-reason-hint = Die Antwort bleibt im Protokoll, ohne Ihren Namen und Ihre Adresse.
delete-button = Mein Konto löschen

deletion-pending-title = Ihr Konto wird gelöscht
deletion-on = Löschung
deletion-pending-with-password = Um Ihr Konto zu behalten, geben Sie Ihr Passwort noch einmal ein.
deletion-pending-with-code = Um Ihr Konto zu behalten, geben Sie Ihr Passwort und einen neuen Code ein. Jeder Code gilt nur einmal, warten Sie also auf den nächsten.
keep-account-heading = Möchten Sie Ihr Konto behalten?
keep-account-text = Jemand möchte Ihr Konto löschen. Wenn Sie das nicht waren oder Ihr Konto behalten möchten, behalten Sie es hier.
keep-account-button = Konto behalten

password-title = Passwort ändern
password-heading = Passwort ändern
password-signs-out = Auf anderen Geräten werden Sie abgemeldet.
password-current = Aktuelles Passwort
password-changed = Ihr Passwort wurde geändert. Auf Ihren anderen Geräten wurden Sie abgemeldet.

factors-title = Zwei-Faktor-Anmeldung
factors-off = Für die Anmeldung genügt Ihr Passwort. Mit einer Authenticator-App brauchen Sie zusätzlich einen Code von Ihrem Smartphone. Ein gestohlenes Passwort allein reicht dann nicht mehr.
factors-on = Für die Anmeldung brauchen Sie Ihr Passwort und einen Code aus einer Ihrer Authenticator-Apps.
factors-done-added = Die Authenticator-App wurde hinzugefügt.
factors-done-removed = Die Authenticator-App wurde entfernt. Auf Ihren anderen Geräten wurden Sie abgemeldet.
factors-apps = Authenticator-Apps
factors-added = hinzugefügt am
factors-last-used = zuletzt verwendet am
factors-never = noch nie verwendet
factors-remove = Entfernen
factors-remove-signs-out = Sie werden auf Ihren anderen Geräten abgemeldet.
factors-remove-last = Das ist Ihre einzige Authenticator-App. Ohne sie genügt Ihr Passwort für die Anmeldung, und Ihre Wiederherstellungscodes gelten nicht mehr.
factors-remove-app = { $name ->
    [0] Entfernen
   *[other] { $name } entfernen
}
factors-codes = Wiederherstellungscodes
factors-codes-text = Wenn Sie Ihr Smartphone verlieren, ersetzt ein Wiederherstellungscode Ihre Authenticator-App. Jeder Code gilt nur einmal.
factors-codes-left = Noch gültige Wiederherstellungscodes: { $left }.
factors-renew = Neue Wiederherstellungscodes erstellen
factors-renew-voids = Sie bekommen zehn neue Codes. Die alten gelten dann nicht mehr.
factors-add = Authenticator-App hinzufügen
factors-add-another = Weitere Authenticator-App hinzufügen
factors-full = Ein Konto kann höchstens { $max } Authenticator-Apps haben. Entfernen Sie zuerst eine.
factors-unnamed = Authenticator-App
factors-name = Name (optional)
factors-name-hint = Damit Sie mehrere Authenticator-Apps unterscheiden können, zum Beispiel „Smartphone“ oder „Tablet“.
factors-continue = Weiter

proof-title = Bestätigen Sie, dass Sie es sind
proof-with-password = Geben Sie Ihr Passwort ein, um fortzufahren.
proof-with-code = Geben Sie Ihr Passwort und einen Code ein, um fortzufahren.

setup-title = Authenticator-App einrichten
setup-scan = Scannen Sie diesen QR-Code mit Ihrer Authenticator-App.
setup-qr = QR-Code für Ihre Authenticator-App
setup-open = Authenticator-App auf diesem Gerät öffnen
setup-type = Oder geben Sie diesen Schlüssel in Ihrer Authenticator-App ein:
setup-again = Geben Sie den Code ein, den Ihre Authenticator-App jetzt anzeigt. Wenn das Konto dort noch fehlt, { $link }.
setup-again-link = fangen Sie noch einmal von vorn an
setup-code-hint = Die sechs Ziffern, die Ihre Authenticator-App anzeigt.
setup-button = Bestätigen

codes-title = Sichern Sie diese Codes
codes-text = Das sind Ihre Wiederherstellungscodes. Wenn Sie Ihr Smartphone verlieren, können Sie sich mit einem davon anmelden. Jeder Code gilt nur einmal.
codes-once = Die Codes werden nur jetzt angezeigt. Speichern Sie sie in einem Passwort-Manager oder drucken Sie diese Seite aus.
codes-saved = Ich habe sie gesichert

request-recovery-title = Passwort zurücksetzen
request-recovery-intro = Geben Sie Ihre E‑Mail-Adresse ein. Wir schicken Ihnen einen Link, mit dem Sie ein neues Passwort festlegen.
recovery-sent-to = Wenn es zu { $email } ein Konto gibt, haben wir dorthin eine E‑Mail geschickt. Öffnen Sie den Link darin, um ein neues Passwort festzulegen.
recovery-sent = Wenn es zu dieser Adresse ein Konto gibt, haben wir dorthin eine E‑Mail geschickt. Öffnen Sie den Link darin, um ein neues Passwort festzulegen.
recovery-sent-again = Wenn es zu dieser Adresse ein Konto gibt, haben wir die E‑Mail noch einmal geschickt.
recover-title = Neues Passwort festlegen
recover-text = { $name ->
    [0] Sie werden auf allen Geräten abgemeldet.
   *[other] Für { $name }. Sie werden auf allen Geräten abgemeldet.
}
recover-button = Passwort festlegen

undo-email-change-title = Änderung rückgängig machen
undo-email-change-heading = Diese Änderung kam nicht von Ihnen?
undo-email-change-text = Jemand hat die E‑Mail-Adresse Ihres Kontos geändert oder die Änderung angefordert. Wenn Sie das nicht waren, können Sie diese Adresse wiederherstellen.
undo-email-change-effects = Wenn Sie Ihr Konto wiederherstellen, werden Sie auf allen Geräten abgemeldet, und das aktuelle Passwort gilt nicht mehr. Authenticator-Apps und Wiederherstellungscodes, die nach der Änderung oder in den drei Tagen davor hinzukamen, werden entfernt. Wir schicken Ihnen eine E‑Mail, mit der Sie ein neues Passwort festlegen.
undo-email-change-button = Konto wiederherstellen

undo-factors-title = Zwei-Faktor-Anmeldung ausschalten
undo-factors-heading = Authenticator-Apps entfernen?
undo-factors-text = Jemand hat die Zwei-Faktor-Anmeldung für Ihr Konto eingeschaltet. Wenn Sie das nicht waren, können Sie es wiederherstellen.
undo-factors-effects = Alle Authenticator-Apps und Wiederherstellungscodes werden entfernt, Sie werden auf allen Geräten abgemeldet, und das aktuelle Passwort gilt nicht mehr. Eine noch nicht bestätigte Änderung der E‑Mail-Adresse wird abgebrochen. Wir schicken Ihnen eine E‑Mail, mit der Sie ein neues Passwort festlegen.
undo-factors-button = Konto wiederherstellen

## Pages: the console, for admins

console-title = Verwaltung
console-open = Verwaltung öffnen
console-section = { $name ->
    [overview] Übersicht
    [invitations] Einladungen
    [users] Konten
    [outbox] Postausgang
    [keys] Schlüssel
    [health] Systemzustand
    [settings] Einstellungen
   *[audit] Protokoll
}

console-attention = Was ansteht
console-all-well = Nichts. Alles ist in Ordnung.
console-alert = { $name ->
    [mails-failed] E‑Mails, die nicht gesendet werden konnten: { $count }
    [mails-waiting] E‑Mails, die auf den Versand warten: { $count }. Prüfen Sie den Mailserver.
    [servers-overdue] Server, die sich drei Minuten oder länger nicht gemeldet haben: { $count }
    [seal-broken] Das Protokoll wurde nachträglich verändert. Überprüfen Sie es.
   *[unsealed] Die neuesten Einträge des Protokolls sind nicht versiegelt. Prüfen Sie das Log des Servers.
}
console-without-factor = { $name ->
    [0] Ein Admin hat keine Zwei-Faktor-Anmeldung
   *[other] { $name } ist Admin ohne Zwei-Faktor-Anmeldung
}
console-to-be-deleted = { $name ->
    [0] Ein Konto wird gelöscht
   *[other] Das Konto von { $name } wird gelöscht
}
console-next = Wie es weitergeht
console-first-run = Außer Ihnen hat noch niemand ein Konto.
console-next-sign-up = Legen Sie in einem anderen Browser ein erstes Konto an
console-next-invite = Laden Sie das erste Konto ein
console-next-brand = Legen Sie mit `brand.name`, `brand.accent` und `brand.logo` Namen, Farbe und Logo fest.
console-next-mail = E‑Mails bleiben im eingebauten Posteingang. Um sie zu versenden, legen Sie `mail.url` fest.
console-next-health = Prüfen Sie die Installation
console-newest = Neueste Konten
console-all-users = Alle Konten

console-search = Suche
console-search-users = Konto suchen
console-search-hint = Der Anfang eines Benutzernamens, einer E‑Mail-Adresse, von @example.com oder eines Wortes des Namens, oder die ganze Nummer eines Kontos.
console-any = Alle
console-show = Anzeigen
console-show-all = Alles anzeigen
console-found = Gefundene Konten
console-no-users = Es gibt kein solches Konto.
console-no-users-yet = Auf dieser Seite ist kein solches Konto, aber es können weitere folgen.
console-more-filters = Weitere Filter
console-second-factor = Zwei-Faktor-Anmeldung
console-has-factor = { $name ->
    [true] Ein
   *[false] Aus
}
console-created-since = Angelegt ab (Tag, UTC)
console-created-until = Angelegt bis (Tag, UTC)
console-signed-in-since = Angemeldet seit (Tag, UTC)
console-not-signed-in-since = Nicht angemeldet seit (Tag, UTC)
console-first = Erste Seite
console-previous = Vorige Seite
console-next-page = Nächste Seite
console-status = Zustand
console-status-name = { $name ->
    [active] Aktiv
    [pending] Nicht bestätigt
    [invited] Eingeladen
    [disabled] Gesperrt
   *[deletion] Wird gelöscht
}
console-role-user = Benutzer
console-created = Angelegt

console-self = Das sind Sie
console-pending-email = Unbestätigte Adresse
console-updated = Letzte Änderung
console-sign-in = Anmeldung
console-last-sign-in = Letzte Anmeldung
console-failures = Fehlgeschlagen in Folge
console-failures-many = { $count } oder mehr
console-last-failure = Zuletzt fehlgeschlagen
console-locked-out = Zu viele falsche Passwörter
console-locked-out-since = seit
console-locked-out-text = Auf Geräten, auf denen dieses Konto noch nie angemeldet war, wird auch das richtige Passwort nicht angenommen, und Warten ändert das nicht. Es endet mit einem neuen Passwort oder mit einer Anmeldung auf einem Gerät, auf dem das Konto schon einmal angemeldet war.
console-codes-locked-out = Zu viele falsche Codes
console-codes-locked-out-text = Auf Geräten, auf denen für dieses Konto noch nie ein Code eingegeben wurde, wird kein Code der Authenticator-App angenommen, und Warten ändert das nicht. Es endet mit einer Anmeldung mit einem Wiederherstellungscode oder auf einem Gerät, auf dem schon einmal ein Code eingegeben wurde. Nach einem neuen Passwort per E‑Mail werden fünf Codes angenommen. Fehlt all das, vergewissern Sie sich, wer fragt, und entfernen Sie die Authenticator-App.
console-failure = { $reason ->
    [wrong-password] Falsches Passwort
    [wrong-code] Falscher Code
    [email-not-confirmed] Adresse nicht bestätigt
    [account-disabled] Konto gesperrt
    [deletion-pending] Das Konto wird gelöscht
   *[other] Abgelehnt
}
console-delayed = Nach einigen falschen Passwörtern oder Codes hintereinander muss jeder weitere Versuch auf einem neuen Gerät ein paar Sekunden warten.
console-never = Noch nie
console-id = Nummer des Kontos
console-acts = Was Sie tun können
console-export = Daten herunterladen
console-data = Daten als JSON
console-data-save = Daten speichern
console-data-stored = Jetzt gespeichert
console-profile-save = Name und Sprache speichern
console-data-hint = Was Ihre Anwendungen im Konto speichern, etwa einen Tarif: ein JSON-Objekt.
console-no-link = Dieses Konto hat keine bestätigte E‑Mail-Adresse, deshalb lässt sich kein Link für ein neues Passwort senden. Legen Sie auf dem Server ein Passwort fest:
console-sessions = Angemeldet auf
console-no-sessions = Auf keinem Gerät angemeldet.
console-proved = Zuletzt ausgewiesen
console-expires = endet am
console-method = { $name ->
    [mfa] Passwort und Code
   *[pwd] Passwort
}
console-no-factors = Aus: Das Passwort allein genügt.
console-own-factors = Ihre Zwei-Faktor-Anmeldung ändern
console-unfinished = nicht abgeschlossen
console-by = von { $name }
console-by-actor = { $name ->
    [anonymous] von jemandem ohne Anmeldung
    [command-line] vom Betreiber
    [worker] vom Server
   *[unknown] von unbekannt
}
console-in-log = Alles im Protokoll

console-act = { $name ->
    [cancel-change] Neue E‑Mail-Adresse verwerfen
    [edit-profile] Profil bearbeiten
    [change-email] Die E‑Mail-Adresse ändern
    [resend-invitation] Die Einladung noch einmal senden
    [revoke-invitation] Die Einladung zurückziehen
    [make-admin] Zum Admin machen
    [remove-admin] Admin-Rolle entziehen
    [disable] Sperren
    [enable] Entsperren
    [end-sessions] Auf allen Geräten abmelden
    [end-session] Abmelden
    [remove-factor] Authenticator-App entfernen
    [send-confirmation] Bestätigung noch einmal senden
    [send-recovery] Link für ein neues Passwort senden
    [delete] Löschen
    [delete-now] Sofort löschen
   *[keep-account] Konto behalten
}
console-ask = { $name ->
    [resend-invitation] Die Einladung noch einmal senden?
    [revoke-invitation] Diese Einladung zurückziehen?
    [make-admin] Zum Admin machen?
    [remove-admin] Admin-Rolle entziehen?
    [disable] Dieses Konto sperren?
    [enable] Dieses Konto entsperren?
    [end-sessions] Auf allen Geräten abmelden?
    [end-session] Auf diesem Gerät abmelden?
    [remove-factor] Diese Authenticator-App entfernen?
    [send-confirmation] Bestätigung noch einmal senden?
    [cancel-change] Neue E‑Mail-Adresse verwerfen?
    [send-recovery] Link für ein neues Passwort senden?
    [delete] Dieses Konto löschen?
    [delete-now] Dieses Konto sofort löschen?
   *[keep-account] Dieses Konto behalten?
}
console-effects = { $name ->
    [resend-invitation] Ein neuer Link ersetzt den bisherigen und gilt sieben Tage. Er kommt per E‑Mail, oder Sie sehen ihn, wenn die Einladung nicht per E‑Mail geht.
    [revoke-invitation] Der Link gilt nicht mehr, und das Konto, das noch niemand benutzt hat, wird gelöscht.
    [make-admin] Admins können alle Konten sehen und ändern und das Protokoll lesen.
    [remove-admin] Das Konto bleibt bestehen, kann aber keine anderen Konten mehr sehen oder ändern.
    [disable] Das Konto wird auf allen Geräten abgemeldet, und niemand kann sich damit anmelden, bis es entsperrt wird. Schon verschickte Links funktionieren nicht mehr, und eine nicht bestätigte Adresse wird entfernt, wenn das Konto einen anderen Namen zum Anmelden hat.
    [enable] Die Anmeldung ist wieder möglich, mit demselben Passwort. Kennt es vielleicht jemand anderes, senden Sie danach einen Link für ein neues.
    [end-sessions] Auf jedem Gerät ist wieder das Passwort nötig. Könnte es jemand anders kennen, senden Sie danach einen Link für ein neues: Bis das neue festgelegt ist, gilt das alte. Schon verschickte Links zum Zurücksetzen des Passworts funktionieren nicht mehr.
    [end-session] Auf diesem Gerät ist wieder das Passwort nötig.
    [remove-factor] Das Konto wird abgemeldet und bekommt eine E‑Mail. Ohne eine weitere Authenticator-App genügt zur Anmeldung das Passwort. Vergewissern Sie sich, dass die Bitte wirklich vom Besitzer des Kontos kommt.
    [send-confirmation] Der Link geht an die Adresse, die auf ihre Bestätigung wartet.
    [cancel-change] Der Link in der E‑Mail funktioniert nicht mehr. Eine schon bestätigte Adresse bleibt.
    [send-recovery] Der Link geht an die Adresse des Kontos. Das Passwort sehen Sie nie. Bis ein neues festgelegt ist, gilt das alte, und kein Gerät wird abgemeldet. Authenticator-Apps bleiben. Kommen E‑Mails nicht an, legen Sie auf dem Server mit `doorward user set-password NAME` ein Passwort fest.
    [delete] { $days ->
        [0] Das Konto wird sofort gelöscht und lässt sich nicht wiederherstellen.
        [one] Das Konto wird morgen um diese Zeit gelöscht. Bis dahin kann sich niemand damit anmelden, und Sie oder sein Besitzer können es behalten. Er bekommt eine E‑Mail.
       *[other] Das Konto wird in { $days } Tagen gelöscht. Bis dahin kann sich niemand damit anmelden, und Sie oder sein Besitzer können es behalten. Er bekommt eine E‑Mail.
    }
    [delete-now] Das Konto lässt sich nicht wiederherstellen. Seine Ereignisse bleiben im Protokoll, ohne Namen und Adresse.
   *[keep-account] Das Konto wird nicht gelöscht. Die Anmeldung ist wieder möglich, und der Besitzer bekommt eine E‑Mail.
}
console-done = { $name ->
    [saved] Gespeichert.
    [change-requested] Eine E‑Mail zum Bestätigen der neuen Adresse wird gesendet.
    [change-cancelled] Die neue Adresse ist verworfen.
    [invitation-sent] Die Einladung wird gesendet.
    [invitation-revoked] Die Einladung ist zurückgezogen.
    [role-changed] Die Rolle ist geändert.
    [disabled] Das Konto ist gesperrt.
    [enabled] Das Konto ist entsperrt.
    [sessions-ended] Alle Geräte sind abgemeldet.
    [session-ended] Das Gerät ist abgemeldet.
    [factor-removed] Die Authenticator-App ist entfernt.
    [confirmation-sent] Die Bestätigung wird noch einmal gesendet.
    [recovery-sent] Der Link wird gesendet.
    [deletion-requested] Das Konto wird gelöscht. Sein Besitzer bekommt eine E‑Mail.
    [deleted] Das Konto ist gelöscht.
   *[kept] Das Konto wird nicht gelöscht.
}

console-kind = { $event ->
    [sign-up] Konto angelegt
    [email-confirmed] E‑Mail-Adresse bestätigt
    [confirmation-requested] Bestätigung noch einmal gesendet
    [confirmation-cancelled] Bestätigung abgebrochen
    [sign-in] Anmeldung
    [second-factor-requested] Passwort richtig, Code abgefragt
    [sign-out] Abmeldung
    [token-reuse] Altes Token verwendet, Sitzung beendet
    [sessions-revoked] Geräte abgemeldet
    [password-changed] Passwort geändert
    [password-set] Passwort vom Betreiber festgelegt
    [recovery-requested] Wiederherstellung angefordert
    [recovery-mailed] E‑Mail zur Wiederherstellung gesendet
    [recovered] Passwort per E‑Mail zurückgesetzt
    [factor-added] Authenticator-App hinzugefügt
    [factor-removed] Authenticator-App entfernt
    [factors-undone] Zwei-Faktor-Anmeldung per E‑Mail ausgeschaltet
    [recovery-codes-renewed] Neue Wiederherstellungscodes
    [recovery-code-used] Wiederherstellungscode verwendet
    [email-change-requested] Änderung der Adresse angefordert
    [email-change-undone] Änderung der Adresse rückgängig gemacht
    [profile-updated] Profil geändert
    [role-changed] Rolle geändert
    [made-admin] Zum Admin gemacht
    [admin-removed] Admin-Rolle entzogen
    [status-changed] Konto gesperrt oder entsperrt
    [disabled] Konto gesperrt
    [enabled] Konto entsperrt
    [deletion-requested] Löschung angefordert
    [deletion-cancelled] Löschung abgebrochen
    [user-deleted] Konto gelöscht
    [invited] Eingeladen
    [invitation-accepted] Einladung angenommen
    [invitation-revoked] Einladung zurückgezogen
    [sign-up-expired] Nicht bestätigtes Konto oder Einladung abgelaufen
    [sign-up-superseded] Nicht bestätigtes Konto gelöscht, Adresse gehört zu einem anderen
    [forbidden] Verbotene Aktion versucht
    [key-rotated] Signaturschlüssel erzeugt
    [key-revoked] Signaturschlüssel widerrufen
    [user-exported] Daten eines Kontos heruntergeladen
    [mail-sent] E‑Mail gesendet
    [mail-failed] E‑Mail konnte nicht gesendet werden
    [outbox-listed] Wartende E‑Mails aufgelistet
    [mail-viewed] Wartende E‑Mail angesehen
    [mail-retried] Wartende E‑Mail erneut versucht
    [mail-deleted] Wartende E‑Mail gelöscht
    [test-mail-requested] Test-E‑Mail angefordert
    [session-evicted] Ältestes Gerät abgemeldet, zu viele
    [throttled] Zu viele Versuche
    [user-viewed] Konto angesehen
    [sessions-listed] Geräte eines Kontos angesehen
    [users-listed] Konten aufgelistet
    [audit-read] Protokoll gelesen
    [audit-exported] Protokoll exportiert
    [users-exported] Konten mit Passwort-Hashes exportiert
    [backup-taken] Sicherung angelegt
    [server-started] Server gestartet
    [events-suppressed] Viele gleiche Ereignisse, nur gezählt
    [seal-broken] Protokoll nachträglich verändert
    [unreadable] Unlesbarer Eintrag
   *[other] Ereignis einer neueren Version
}
console-actor-name = { $name ->
    [anonymous] jemandem ohne Anmeldung
    [command-line] dem Betreiber
    [worker] dem Server
   *[unknown] unbekannt
}
console-change-email-text = Die neue Adresse bekommt einen Link zum Bestätigen; bis dahin bleibt die alte. Die alte Adresse bekommt eine E‑Mail darüber. Der Besitzer des Kontos kann die Änderung nicht rückgängig machen.
console-reason = Grund
console-reason-none = Kein Grund
console-reason-hint = Für das Protokoll. Der Benutzer sieht ihn nicht.
console-reason-name = { $reason ->
    [abuse] Missbrauch
    [compromised] Vielleicht kennt jemand anderes das Passwort
    [left] Der Benutzer gehört nicht mehr dazu
    [requested] Der Benutzer hat darum gebeten
   *[other] Ein anderer Grund
}

console-invite = Jemanden einladen
console-invite-text = Eingeladene nehmen mit einem Link an und wählen ein Passwort. Der Link gilt sieben Tage.
console-invite-username-hint = Nötig, wenn es keine E‑Mail-Adresse gibt oder der Link Ihnen gezeigt wird.
console-invite-role-hint = Admins können alle Konten sehen und ändern.
console-no-language = Nicht gewählt
console-language-hint = Für E‑Mails und Seiten.
console-invite-language-hint = Für E‑Mails und Seiten. Ist keine gewählt, kommt die E‑Mail in Ihrer Sprache, und die Seiten in der des Browsers.
console-invite-delivery = Zustellung des Links
console-invite-by-mail = Per E‑Mail
console-invite-by-link = Mir zeigen
console-invite-delivery-hint = Zeigen lassen, wo es keine E‑Mail gibt: Sie geben ihn weiter, und die Adresse bleibt unbestätigt. Ohne Adresse wird er immer gezeigt.
console-invite-button = Einladen
console-invite-next = Noch jemanden einladen
console-invite-several = Mehrere einladen
console-invite-one = Eine Person mit Namen einladen
console-people = Personen, eine pro Zeile
console-people-hint = Höchstens 20. Ein Benutzername, eine E‑Mail-Adresse oder beides, zum Beispiel ben ben@example.com. Wird Ihnen der Link angezeigt, ist ein Benutzername nötig.
console-invite-by-default = Per E‑Mail, sonst mir zeigen
console-results = Ergebnisse
console-all-invited = Alle sind eingeladen.
console-links-text = Geben Sie jeden Link nur der Person, für die er ist.
console-links-once = Die Links werden nur jetzt gezeigt.
console-invite-again = Korrigieren und noch einmal senden
console-links-stay = Die nächsten Ergebnisse öffnen sich in einem neuen Tab, damit die Links oben stehen bleiben.
console-invite-others = Weitere einladen
console-link-title = Link der Einladung
console-link-text = Geben Sie diesen Link nur der Person, für die er ist.
console-link-once = Er wird nur jetzt gezeigt.
console-invitations = { $status ->
    [pending] Noch nicht angenommen
    [accepted] Angenommen
   *[expired] Abgelaufen
}
console-delivery = { $delivery ->
    [mail] Per E‑Mail
   *[link] Link gezeigt
}
console-send-again = Noch einmal senden
console-revoke = Zurückziehen
console-no-invitations = Es gibt keine solche Einladung.

console-user-mails = Noch nicht gesendete E‑Mails
console-no-user-mails = Keine.
console-sent-mails = Gesendete E‑Mails
console-outbox-intro = E‑Mails, die der Mailserver noch nicht angenommen hat. Was er angenommen hat, steht nicht mehr hier.
console-test-mail = Mir eine Test-E‑Mail senden
console-no-test-mail = Um sich selbst eine Test-E‑Mail zu senden, brauchen Sie eine bestätigte E‑Mail-Adresse.
console-mails = { $status ->
    [all] Alle
    [waiting] Wartend
    [failing] Fehlschlagend
   *[given-up] Aufgegeben
}
console-mail-status = { $status ->
    [waiting] wartet
    [failing] schlägt fehl
   *[given-up] aufgegeben
}
console-being-sent = wird gesendet
console-attempts = { $count ->
    [0] noch nicht versucht
    [one] einmal versucht
   *[other] { $count }-mal versucht
}
console-next-attempt = nächster Versuch
console-given-up = aufgegeben
console-no-mails = Es gibt keine solche E‑Mail.
console-no-mails-at-all = Keine E‑Mail wartet auf den Versand, und keine ist fehlgeschlagen.
console-retry = Jetzt noch einmal versuchen
console-delete-mail = Die E‑Mail löschen
console-delete-mail-ask = Diese E‑Mail löschen?
console-delete-mail-effects = Sie wird nicht gesendet. Wird sie gerade gesendet, kann sie noch ankommen.
console-preview = Was darin steht
console-preview-text = So würde sie jetzt gesendet. Der Link darin funktioniert nicht.
console-no-preview = Sie würde jetzt nicht gesendet: Es gibt keinen Empfänger mehr, oder andere E‑Mails ersetzen sie.
console-mail-done = { $name ->
    [tested] Die Test-E‑Mail wird gesendet. Bleibt sie hier, steht ihr Fehler dabei.
    [retried] Die E‑Mail wird noch einmal versucht. Laden Sie diese Seite neu, um das Ergebnis zu sehen: Was der Mailserver angenommen hat, steht nicht mehr hier.
   *[deleted] Die E‑Mail ist gelöscht.
}
console-mail = { $kind ->
    [sign-up] Adresse einer Registrierung bestätigen
    [confirmation-resend] Bestätigung, noch einmal gesendet
    [already-registered] Registrierung mit bekannter Adresse
    [invitation] Einladung
    [recovery] Passwort zurücksetzen
    [password-changed] Passwort geändert
    [first-factor-added] Zwei-Faktor-Anmeldung eingeschaltet
    [factor-added] Authenticator-App hinzugefügt
    [factor-removed] Authenticator-App entfernt
    [recovery-codes-renewed] Neue Wiederherstellungscodes
    [recovery-code-used] Wiederherstellungscode benutzt
    [recovery-codes-low] Wenige Wiederherstellungscodes übrig
    [email-change] Neue Adresse bestätigen
    [email-change-notice] Änderung der Adresse angefordert
    [email-change-undo] Änderung der Adresse rückgängig machen
    [email-changed] Adresse geändert
    [email-change-undone] Änderung der Adresse rückgängig gemacht
    [deletion-requested] Löschung angefordert
    [deletion-reminder] Löschung steht bevor
    [deletion-cancelled] Löschung abgebrochen
    [new-sign-in] Anmeldung auf einem neuen Gerät
    [sign-in-after-failures] Anmeldung nach Fehlversuchen
    [lockout] Zu viele falsche Passwörter
    [code-lockout] Zu viele falsche Codes
    [test] Test-E‑Mail
   *[other] E‑Mail
}
console-totals = { $unit ->
    [hour] Letzte 24 Stunden
    [day] Letzte 30 Tage
   *[month] Letzte 12 Monate
}
console-total = { $kind ->
    [sign-ups] Registrierungen
    [sign-ins] Anmeldungen
    [failures] Abgelehnte Anmeldungen und Passwortänderungen
    [mails] Gesendete E‑Mails
   *[throttled] Gebremste Anfragen
}
console-highest = { $unit ->
    [hour] stärkste Stunde: { $count }
    [day] stärkster Tag: { $count }
   *[month] stärkster Monat: { $count }
}
console-plot-day = { $day }. { month }
console-as-table = Als Tabelle
console-starts-at = { $unit ->
    [hour] Stunde
    [day] Tag (UTC)
   *[month] Monat (UTC)
}

console-keys-list = Schlüssel, die neuesten zuerst
console-keys-intro = Der neueste Schlüssel signiert Sitzungen, und zehn Minuten später auch die Token für andere Dienste. Ein ersetzter prüft, was er signiert hat, bis es abgelaufen ist.
console-keys-next = Der nächste Schlüssel entsteht am
console-key-signs-sessions = signiert Sitzungen
console-key-signs-tokens = signiert Token
console-key-verifies = prüft nur
console-key-age = { $days ->
    [0] weniger als einen Tag alt
    [one] einen Tag alt
   *[other] { $days } Tage alt
}
console-key-until = ersetzt; prüft bis
console-keys-commands = Könnten andere einen Schlüssel kennen, führen Sie auf dem Server `doorward keys revoke` aus: Ihn zu ersetzen, genügt nicht. Ist der Hauptschlüssel verloren, führen Sie dort `doorward keys rotate` aus.
console-rotate = Einen neuen Schlüssel erzeugen
console-rotate-ask = Einen neuen Signaturschlüssel erzeugen?
console-rotate-effects = Mit ihm werden Sitzungen sofort signiert, Token für andere Dienste in zehn Minuten, wenn diese ihn geladen haben. Niemand wird abgemeldet.
console-keys-rotated = Der neue Schlüssel signiert jetzt Sitzungen.

console-version = Dieser Server läuft mit Doorward { $version }.
console-starts = Wann Server gestartet sind
console-nodes = Server
console-nodes-intro = Jeder meldet sich einmal in der Minute. Einer, der abgebrochen wurde, steht noch eine Stunde hier.
console-nodes-warning = { $name ->
    [overdue] Ein Server hat sich drei Minuten oder länger nicht gemeldet: Er wurde abgebrochen oder erreicht die Datenbank nicht.
   *[versions] Die Server haben verschiedene Versionen: Ein Upgrade ist im Gange.
}
console-node-runs = läuft
console-node-overdue = nicht gemeldet
console-node-this = dieser Server
console-node-started = gestartet
console-node-seen = zuletzt gemeldet
console-no-nodes = Noch hat sich kein Server gemeldet. Funktionen von AWS Lambda melden sich nicht.
console-checks = Prüfungen dieses Servers
console-check-status = { $status ->
    [passed] in Ordnung
    [warning] Warnung
   *[failed] Fehler
}
console-no-checks = Dieser Server kann sich nicht selbst prüfen. Führen Sie mit seinen Einstellungen `doorward doctor` aus.

console-settings-general = allgemein
console-settings-intro = Die Einstellungen, mit denen dieser Server gestartet wurde. Sie werden in seiner Konfigurationsdatei oder seiner Umgebung geändert.
console-settings-all = Alle Einstellungen
console-settings-changed = Einstellungen, die vom Standard abweichen
console-no-settings = Keine Einstellung weicht vom Standard ab.
console-changed = geändert
console-origin = aus
console-origin-line = Zeile { $line }

console-user = Konto
console-user-hint = Ein Name, ein Benutzername, eine E‑Mail-Adresse oder die Nummer eines Kontos. Eine Anmeldung ist ein Ereignis ihres Kontos und hat keinen Auslöser.
console-several-users = Mehrere Konten gefunden. Wählen Sie eines.
console-more-found = Alle gefundenen Konten
console-event = Ereignis
console-since = Von (Tag, UTC)
console-until = Bis (Tag, UTC)
console-failed = fehlgeschlagen
console-outcome = Ergebnis
console-outcome-name = { $outcome ->
    [success] gelungen
   *[failure] fehlgeschlagen
}
console-actor = Von
console-caused-by = Ausgelöst von
console-detail = Einzelheit
console-request = Nummer der Anfrage
console-views = Zeigen, was Admins angesehen haben
console-no-events = Es gibt kein solches Ereignis.
console-no-events-yet = Auf dieser Seite ist kein solches Ereignis, aber es können weitere folgen.
console-network = Adresse oder Netz
console-network-hint = Eine IP-Adresse oder ein Netz wie 203.0.113.0/24.
console-download-events = Als NDJSON herunterladen
console-verified = Letzte Überprüfung
console-verified-events = { $count ->
    [one] Ein Ereignis überprüft; keine Veränderung gefunden.
   *[other] { $count } Ereignisse überprüft; keine Veränderung gefunden.
}
console-verified-finding = Befund:
console-not-verified = Das Protokoll wurde noch nicht überprüft. Führen Sie `doorward audit verify` aus.

## The page of a problem

problem-title = { $code ->
    [malformed-request] Diese Anfrage konnten wir nicht lesen
    [invalid-credentials] E‑Mail-Adresse, Benutzername oder Passwort ist falsch
    [wrong-password] Das Passwort ist falsch
    [unknown-account] Konto nicht gefunden
    [authentication-required] Bitte melden Sie sich an
    [invalid-token] Sie sind nicht mehr angemeldet
    [email-unconfirmed] Ihre E‑Mail-Adresse ist noch nicht bestätigt
    [account-disabled] Dieses Konto ist gesperrt
    [deletion-pending] Dieses Konto wird gelöscht
    [forbidden] Sie haben keinen Zugriff auf diese Seite
    [sign-up-closed] Die Registrierung ist geschlossen
    [invitation-required] Sie brauchen eine Einladung
    [invalid-code] Der Code ist falsch
    [challenge-expired] Das hat zu lange gedauert, oder zu viele Codes waren falsch
    [reauthentication-required] Bitte bestätigen Sie, dass Sie es sind
    [cross-site-request] Dieses Formular konnte nicht abgeschickt werden
    [https-required] Sichere Verbindung erforderlich
    [not-found] Seite nicht gefunden
    [link-incomplete] Dieser Link ist unvollständig
    [method-not-allowed] Das geht auf dieser Seite nicht
    [request-timeout] Das hat zu lange gedauert
    [username-taken] Dieser Benutzername ist schon vergeben
    [email-taken] Zu dieser Adresse gibt es schon ein Konto
    [last-admin] Der letzte Admin kann nicht entfernt werden
    [link-expired] Dieser Link gilt nicht mehr
    [precondition-failed] Inzwischen hat sich etwas geändert
    [body-too-large] Das war zu viel auf einmal
    [unsupported-media-type] Diese Anfrage konnten wir nicht lesen
    [validation-failed] Etwas in diesem Formular stimmt nicht
    [precondition-required] Das hat sich vielleicht inzwischen geändert
    [too-many-attempts] Zu viele Versuche
    [not-acceptable] Nichts anzuzeigen
    [uri-too-long] Diese Adresse ist zu lang
    [headers-too-large] Ihr Browser hat zu viel auf einmal geschickt
    [internal-error] Bei uns ist etwas schiefgegangen
    [overloaded] Gerade ist sehr viel los
    [store-unavailable] Vorübergehend nicht verfügbar
    [outcome-unknown] Wir wissen nicht, ob das gespeichert wurde
    [stopping] Der Dienst startet gleich neu
   *[other] { $title }
}
problem-help = { $code ->
    [malformed-request] Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
    [invalid-credentials] Versuchen Sie es noch einmal oder setzen Sie Ihr Passwort zurück.
    [wrong-password] Versuchen Sie es noch einmal oder setzen Sie Ihr Passwort zurück.
    [unknown-account] Prüfen Sie den Namen oder legen Sie ein Konto an.
    [authentication-required] Diese Seite sehen Sie nur, wenn Sie angemeldet sind.
    [invalid-token] Melden Sie sich noch einmal an, um weiterzumachen.
    [email-unconfirmed] Öffnen Sie den Link in der E‑Mail, die wir Ihnen geschickt haben.
    [account-disabled] Wenden Sie sich an den Support.
    [deletion-pending] Um das Konto zu behalten, geben Sie auf der Anmeldeseite Ihr Passwort ein oder öffnen Sie den Link in der E‑Mail über die Löschung.
    [forbidden] Melden Sie sich mit einem Konto an, das Zugriff hat.
    [sign-up-closed] Bitten Sie den Betreiber um ein Konto.
    [invitation-required] Wenn Sie eine Einladung haben, öffnen Sie den Link darin. Wenn nicht, fragen Sie den Betreiber.
    [invalid-code] Jeder Code gilt nur einmal. Warten Sie auf den nächsten Code und versuchen Sie es noch einmal.
    [challenge-expired] Melden Sie sich noch einmal an, zuerst mit Ihrem Passwort.
    [reauthentication-required] Melden Sie sich noch einmal an, bei eingeschalteter Zwei-Faktor-Anmeldung auch mit einem Code. Versuchen Sie es dann noch einmal.
    [cross-site-request] Zu Ihrer Sicherheit wurde nichts geändert. Öffnen Sie die Seite auf dieser Website und versuchen Sie es noch einmal.
    [https-required] Verwenden Sie die Adresse, die mit https:// beginnt.
    [not-found] Prüfen Sie die Adresse oder gehen Sie zur Startseite.
    [link-incomplete] Ein Teil davon fehlt. Kopieren Sie den ganzen Link aus der E‑Mail in Ihren Browser.
    [method-not-allowed] Gehen Sie zur Startseite und versuchen Sie es noch einmal.
    [request-timeout] Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.
    [username-taken] Gehen Sie zurück und wählen Sie einen anderen.
    [email-taken] Sie können sich damit anmelden.
    [last-admin] Machen Sie zuerst jemand anderen zum Admin.
    [precondition-failed] Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
    [body-too-large] Schicken Sie weniger.
    [unsupported-media-type] Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
    [validation-failed] Gehen Sie zurück und prüfen Sie Ihre Angaben.
    [precondition-required] Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
    [too-many-attempts] Warten Sie einen Moment und versuchen Sie es dann noch einmal.
    [not-acceptable] Gehen Sie zurück und versuchen Sie es mit einem anderen Browser.
    [uri-too-long] Gehen Sie zurück oder beginnen Sie auf der Startseite.
    [headers-too-large] Löschen Sie die Cookies dieser Website und versuchen Sie es noch einmal.
    [internal-error] Sie haben nichts falsch gemacht. Wenn es wieder passiert, nennen Sie dem Support die Nummer der Anfrage unten.
    [overloaded] Es wurde nichts geändert. Versuchen Sie es gleich noch einmal.
    [store-unavailable] Versuchen Sie es gleich noch einmal.
    [outcome-unknown] Gehen Sie zurück und sehen Sie nach, bevor Sie es noch einmal versuchen.
    [stopping] Versuchen Sie es gleich noch einmal.
   *[other] { $help }
}
problem-wait = Versuchen Sie es in { $wait } noch einmal.
link-expired = { $link ->
    [email-undo] Er wurde schon verwendet oder ist zu alt. Wenn Sie die Änderung rückgängig gemacht haben, legen Sie mit der E‑Mail, die wir Ihnen dann geschickt haben, ein neues Passwort fest. Wenn nicht, wenden Sie sich an den Support.
    [factor-undo] Er wurde schon verwendet oder ist zu alt. Wenn Sie damit die Authenticator-Apps entfernt haben, legen Sie mit der E‑Mail, die wir Ihnen dann geschickt haben, ein neues Passwort fest. Wenn nicht, wenden Sie sich an den Support.
    [deletion-undo] Er wurde schon verwendet, oder das Konto ist gelöscht. Wenn Sie Ihr Konto behalten haben, können Sie sich anmelden.
    [invitation] Er wurde schon verwendet, durch einen neueren ersetzt oder zurückgezogen, oder er ist zu alt. Wenn Sie die Einladung angenommen haben, können Sie sich anmelden. Wenn nicht, bitten Sie die Person, die Sie eingeladen hat, um einen neuen.
    [confirmation] Er wurde schon verwendet oder durch einen neueren ersetzt, oder er ist zu alt. Wenn Sie Ihre Adresse damit bestätigt haben, melden Sie sich an. Wenn Sie „Das war ich nicht“ gewählt haben, müssen Sie nichts weiter tun.
   *[other] Er wurde schon verwendet oder durch einen neueren ersetzt, oder er ist zu alt. Sie können einen neuen anfordern.
}
problem-new-link = Neuen Link anfordern
problem-reset-password = Passwort zurücksetzen
problem-code = Fehlercode:
problem-request = Nummer der Anfrage:
