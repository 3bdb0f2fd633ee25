"""The kinds of channels, one module each; a new kind is one more module in this folder."""

from importlib import import_module
from pkgutil import iter_modules

from app.notifications.channel_type import ChannelType

CHANNELS: dict[str, ChannelType] = {
    module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)
}
"""Kind -> its module."""
