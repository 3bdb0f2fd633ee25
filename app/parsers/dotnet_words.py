"""The words between the names in .NET's traces, in the languages that .NET Framework 4.8 speaks.

Source: `Word_At`, `StackTrace_InFileLineNumber`, `Exception_EndStackTraceFromPreviousThrow` of mscorlib's language
packs, and what its console host writes above an unhandled exception. .NET Core and later speak English only.
"""

import re

AT = re.compile(
    r"(?:a következő helyen:|at|bei|à|en|em|in|w|v|na|på|ved|vid|bij|hos|kohteessa|i|a|la|în|konum:|в|у|на|σε|στο"
    r"|ב-|عند|في|在|於|場所|위치:) "
)
"""In front of a call."""

UNHANDLED = (
    "Unhandled exception", "FATAL UNHANDLED EXCEPTION", "UnhandledException", "Unbehandelte Ausnahme",
    "Exception non gérée", "Excepción no controlada", "Eccezione non gestita", "Exceção sem tratamento",
    "Exceção Sem Tratamento", "Exceção não tratada", "Exceção não processada", "Onverwerkte uitzondering",
    "Ohanterat undantag", "Ubehandlet undtagelse", "Ubehandlet unntak", "Käsittelemätön poikkeus",
    "Nieobsługiwany wyjątek", "Neošetřená výjimka", "Kezeletlen kivétel", "İşlenmeyen özel durum",
    "İşlenmeyen Özel Durum", "Yakalanmayan özel durum", "Yakalanmayan Özel Durum", "Необработанное исключение",
    "Необроблений виняток", "Ανεπίλυτη εξαίρεση", "חריגה שלא טופלה", "استثناء غير معالج", "ハンドルされていない例外",
    "ハンドルされない例外", "未经处理的异常", "未處理的例外狀況", "처리되지 않은 예외",
)  # fmt: skip
"""What says that nothing caught an exception."""

REJOINS = re.compile(
    r"previous location|vorher|précédent|anterior|precedente|vorige|föregående|forrige|tidligere|edellise|poprzedni"
    r"|předchoz|előző|önceki|предыдущ|попередн|προηγούμεν|הקודם|السابق|以前の|直前|之前的|上一位置|先前|이전 위치",
    re.IGNORECASE,
)
"""In a line that says that the stack goes on where an exception was thrown again."""
