"""The plugin host: entry points in, tables of factories out. Nothing else touches pluggy."""

from regtrain.host.offers import GROUP, Offer, PluginInfo, installed, not_installed
from regtrain.host.plugins import Host

__all__ = ["GROUP", "Host", "Offer", "PluginInfo", "installed", "not_installed"]
