"""Names that R8 or ProGuard has taken from Java and Kotlin code, given back by a mapping file."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from symbolic.exceptions import SymbolicError
from symbolic.proguard import ProguardMapper

from app.crashes.log import Frame
from app.symbols.objects import NotSymbols

INLINED = "inlined"


class JavaNames:
    """An open mapping file."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises NotSymbols when it maps no line, as a file of another kind does not."""
        try:
            self._mapper = ProguardMapper.open(str(file))
        except SymbolicError as error:
            raise NotSymbols(f"Not readable as a mapping: {error}") from error
        if not self._mapper.has_line_info:
            raise NotSymbols("Not readable as a mapping of R8 or ProGuard with line numbers")

    @property
    def uuid(self) -> UUID:
        """By which senders name the mapping: derived from its content."""
        return self._mapper.uuid

    def type_name(self, name: str) -> str:
        """The class as the source calls it; the name itself when the mapping does not know it."""
        return self._mapper.remap_class(name) or name

    def frames(self, frame: Frame) -> list[Frame]:
        """The calls that a frame stands for, innermost first; the frame itself when the mapping does not know it."""
        if not frame.module or not frame.function:
            return [frame]
        found = self._mapper.remap_frame(frame.module, frame.function, frame.line or 0)
        if not found:
            return [replace(frame, module=self.type_name(frame.module))]
        last = len(found) - 1
        return [
            replace(
                frame,
                module=one.class_name,
                function=one.method,
                file=one.file or frame.file,
                line=one.line or None,
                note=frame.note if number == last else INLINED,
            )
            for number, one in enumerate(found)
        ]
