"""The dialog: settings beside a live picture. Imported only when a user is there: it needs GTK."""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
