"""A crash report without what its app's rules take out: the same report otherwise, and the same object if nothing is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from app.crashes.facts import Facts
from app.crashes.fingerprint import Fingerprint
from app.crashes.log import BinaryImage, Breadcrumb, CrashLog, Fault, Frame, Json, RelatedStack, SourceLines, Thread
from app.redaction.rules import INSTEAD, Path, Rules, below

T = TypeVar("T")
H = TypeVar("H", Fault, Thread, RelatedStack)

_FRAME = ("function", "module", "file", "image", "note")
_FAULT = ("type", "message", "code", "mechanism")
_THREAD = ("name", "queue", "state")
_IMAGE = ("name", "path")
_CRUMB = ("category", "message")
_LOG = ("report_id", "process", "user_id")
_TAG_HOLDERS = ("tags", "custom_data", "metadata", "attributes", "user_defined")
"""In `custom`: what parsers make tags of."""
_APP, _DEVICE = ("identifier", "name"), ("model", "manufacturer", "install_id")


def redact(log: CrashLog, rules: Rules) -> CrashLog:
    """Every text but versions, builds, architectures, debug ids and the words that crashq itself has chosen."""
    if not rules.is_on:
        return log
    fields = rules.fields
    custom = below(fields, "custom")
    return replace(
        _texts(log, _LOG, rules, fields),
        app=_texts(log.app, _APP, rules, below(fields, "app")),
        device=_texts(log.device, _DEVICE, rules, below(fields, "device")),
        faults=tuple(_fault(one, rules, _each(fields, "faults", at)) for at, one in enumerate(log.faults)),
        threads=tuple(_thread(one, rules, _each(fields, "threads", at)) for at, one in enumerate(log.threads)),
        stacks=tuple(_with_frames(_texts(one, ("description",), rules, ()), rules, ()) for one in log.stacks),
        details={key: rules.text(value) if isinstance(value, str) else value for key, value in log.details.items()},
        images=tuple(_image(one, rules, _each(fields, "images", at)) for at, one in enumerate(log.images)),
        breadcrumbs=tuple(
            _crumb(one, rules, _each(fields, "breadcrumbs", at)) for at, one in enumerate(log.breadcrumbs)
        ),
        custom=_mapping(log.custom, rules, custom),
        notes=tuple(
            INSTEAD if () in _each(fields, "notes", at) else rules.text(note) for at, note in enumerate(log.notes)
        ),
        tags={
            rules.text(name): INSTEAD if _is_tag_named(name, rules) else _json(value, rules, ())
            for name, value in log.tags.items()
        },
        grouping_hint=tuple(rules.text(hint) for hint in log.grouping_hint),
    )


def redact_facts(facts: Facts, rules: Rules) -> Facts:
    """The same for what a row tells: device and user."""
    if not rules.is_on:
        return facts
    device = below(rules.fields, "device")
    return facts._replace(
        device_model=_text(facts.device_model, rules, is_named=("model",) in device),
        user_id=_text(facts.user_id, rules, is_named=("user_id",) in rules.fields),
    )


def redact_tag(name: str, value: str, rules: Rules) -> tuple[str, str]:
    """A tag as it may be shown. A field that takes out what a tag was made of takes out the tag as well."""
    if not rules.is_on:
        return name, value
    return rules.text(name), INSTEAD if _is_tag_named(name, rules) else rules.text(value)


def _is_tag_named(name: str, rules: Rules) -> bool:
    custom = below(rules.fields, "custom")
    if () in custom:
        return True
    for holder in _TAG_HOLDERS:
        fields = below(custom, holder)
        paths = [fields, below(fields, name)]
        for step in name.split("."):
            fields = below(fields, step)
            paths.append(fields)
        if any(() in one for one in paths):
            return True
    return False


def redact_fingerprint(made_of: Fingerprint, rules: Rules) -> Fingerprint:
    """The same fingerprint, its parts as they may be shown."""
    return replace(made_of, parts=tuple(rules.text(part) for part in made_of.parts)) if rules.is_on else made_of


def _each(fields: tuple[Path, ...], name: str, at: int) -> tuple[Path, ...]:
    return below(below(fields, name), str(at))


def _fault(fault: Fault, rules: Rules, fields: tuple[Path, ...]) -> Fault:
    return _with_frames(_texts(fault, _FAULT, rules, fields), rules, below(fields, "frames"))


def _thread(thread: Thread, rules: Rules, fields: tuple[Path, ...]) -> Thread:
    return _with_frames(_texts(thread, _THREAD, rules, fields), rules, below(fields, "frames"))


def _image(image: BinaryImage, rules: Rules, fields: tuple[Path, ...]) -> BinaryImage:
    return _texts(image, _IMAGE, rules, fields)


def _crumb(crumb: Breadcrumb, rules: Rules, fields: tuple[Path, ...]) -> Breadcrumb:
    made = _texts(crumb, _CRUMB, rules, fields)
    return replace(made, data=_mapping(crumb.data, rules, below(fields, "data"))) if crumb.data else made


def _with_frames(holder: H, rules: Rules, fields: tuple[Path, ...]) -> H:
    frames = tuple(_frame(frame, rules, below(fields, str(at))) for at, frame in enumerate(holder.frames))
    changed = any(new is not old for new, old in zip(frames, holder.frames, strict=True))
    return replace(holder, frames=frames) if changed else holder


def _frame(frame: Frame, rules: Rules, fields: tuple[Path, ...]) -> Frame:
    made = _texts(frame, _FRAME, rules, ())
    if frame.source is not None:
        source = _source(frame.source, rules, is_named=("source",) in fields)
        made = made if source is frame.source else replace(made, source=source)
    if frame.variables:
        named = below(fields, "vars")
        told = tuple(
            (rules.text(name), INSTEAD if () in below(named, name) else rules.text(value))
            for name, value in frame.variables
        )
        made = made if told == frame.variables else replace(made, variables=told)
    return made


def _source(source: SourceLines, rules: Rules, *, is_named: bool) -> SourceLines:
    """The lines are looked at together, for a key may stand on several; those whose number changes are left out."""
    lines = [*source.before, source.line, *source.after]
    text = "\n".join(lines)
    redacted = INSTEAD if is_named else rules.text(text)
    if redacted == text:
        return source
    made, at = redacted.split("\n"), len(source.before)
    if len(made) != len(lines):
        return SourceLines(INSTEAD)
    return SourceLines(made[at], tuple(made[:at]), tuple(made[at + 1 :]))


def _texts(holder: T, names: tuple[str, ...], rules: Rules, fields: tuple[Path, ...]) -> T:
    """The dataclass with these of its texts redacted; itself when that changes nothing."""
    changed = {}
    for name in names:
        value = getattr(holder, name)
        if value is not None:
            redacted = _text(value, rules, is_named=bool(fields) and (name,) in fields)
            if redacted is not value:
                changed[name] = redacted
    return replace(holder, **changed) if changed else holder  # type: ignore[type-var]


def _text(value: str | None, rules: Rules, *, is_named: bool) -> str | None:
    if value is None:
        return None
    return INSTEAD if is_named else rules.text(value)


def _mapping(values: Mapping[str, Json], rules: Rules, fields: tuple[Path, ...]) -> dict[str, Json]:
    return {rules.text(str(key)): _json(value, rules, below(fields, key)) for key, value in values.items()}


def _json(value: Json, rules: Rules, fields: tuple[Path, ...]) -> Json:
    if () in fields:
        return None if value is None else INSTEAD
    if isinstance(value, str):
        return rules.text(value)
    if isinstance(value, Mapping):
        return _mapping(value, rules, fields)
    if isinstance(value, (list, tuple)):
        return [_json(child, rules, below(fields, str(at))) for at, child in enumerate(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        redacted = rules.text(str(value))
        return value if redacted == str(value) else redacted
    return value
