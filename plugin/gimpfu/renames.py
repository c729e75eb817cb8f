"""PDB procedures that GIMP 3 has under another name, with arguments in the same order.

Keys are GIMP 2's names (with the deprecated ones of 2.x that 2.10 still ran).
"""

from __future__ import annotations

# Old name, new name, and what may stand at the place of {}.
_RESPELT = (
    ("gimp-{}", "gimp-image-{}", "convert-grayscale convert-indexed convert-rgb crop"),
    ("gimp-{}", "gimp-drawable-{}", "edit-clear posterize"),
    ("gimp-image-{}", "gimp-image-get-{}", "base-type height width"),
    ("gimp-drawable-{}", "gimp-drawable-get-{}", "height offsets width"),
    ("gimp-image-{}-vectors", "gimp-image-{}-path", "insert remove"),
    ("gimp-image-{}-vectors", "gimp-image-{}-paths", "get freeze thaw"),
    ("gimp-image-get-vectors-{}", "gimp-image-get-path-{}", "by-name by-tattoo"),
    ("gimp-layer-{}-preserve-trans", "gimp-layer-{}-lock-alpha", "get set"),
    ("gimp-palette-entry-get-{}", "gimp-palette-get-entry-{}", "color name"),
    ("gimp-palette-entry-set-{}", "gimp-palette-set-entry-{}", "color name"),
    ("gimp-palette-get-{}", "gimp-context-get-{}", "background foreground"),
    ("gimp-palette-set-{}", "gimp-context-set-{}", "background foreground default-colors"),
    ("gimp-brushes-get-{}", "gimp-context-get-{}", "opacity paint-mode"),
    ("gimp-brushes-set-{}", "gimp-context-set-{}", "brush opacity paint-mode"),
    ("gimp-undo-push-{}", "gimp-image-undo-{}", "group-end group-start"),
    ("gimp-edit-{}-as-new", "gimp-edit-{}-as-new-image", "paste named-paste"),
    ("gimp-{}-get-list", "gimp-{}-get-name-list", "buffers dynamics"),
    ("gimp-vectors-{}", "gimp-path-{}", "copy get-strokes new new-from-text-layer remove-stroke"),
    (
        "gimp-vectors-stroke-{}",
        "gimp-path-stroke-{}",
        "close flip flip-free get-length get-point-at-dist get-points interpolate new-from-points rotate"
        " scale translate",
    ),
    (
        "gimp-vectors-bezier-stroke-{}",
        "gimp-path-bezier-stroke-{}",
        "conicto cubicto lineto new-ellipse new-moveto",
    ),
)
# What GIMP 3 has for items of any kind, where GIMP 2 had it for each of these.
_ITEMS = ("drawable", "layer", "channel", "vectors")
_OF_ITEMS = "delete get-name set-name get-visible set-visible get-tattoo set-tattoo get-image"
_OF_IMAGES = "raise-{} raise-{}-to-top lower-{} lower-{}-to-bottom get-{}-position"
_PARASITES = {"find": "get", "attach": "attach", "detach": "detach"}
_OWNERS = {"": "", "image-": "image-", "item-": "item-", **{f"{kind}-": "item-" for kind in _ITEMS}}

RENAMED: dict[str, str] = {
    **{old.format(name): new.format(name) for old, new, names in _RESPELT for name in names.split()},
    **{f"gimp-{kind}-{name}": f"gimp-item-{name}" for kind in _ITEMS for name in _OF_ITEMS.split()},
    **{
        f"gimp-image-{name.format(kind)}": f"gimp-image-{name.format('item')}"
        for kind in _ITEMS[1:]
        for name in _OF_IMAGES.split()
    },
    **{
        f"gimp-{old_owner}parasite-{old}": f"gimp-{owner}{new}-parasite"
        for old_owner, owner in _OWNERS.items()
        for old, new in _PARASITES.items()
    },
    "file-load-rgbe": "file-rgbe-load",
    "gimp-channel-ops-duplicate": "gimp-image-duplicate",
    "gimp-color-picker": "gimp-image-pick-color",
    "gimp-desaturate-full": "gimp-drawable-desaturate",
    "gimp-edit-stroke": "gimp-drawable-edit-stroke-selection",
    "gimp-edit-stroke-vectors": "gimp-drawable-edit-stroke-item",
    "gimp-image-floating-selection": "gimp-image-get-floating-sel",
    "gimp-image-merge-layer-group": "gimp-group-layer-merge",
    "gimp-palette-get-info": "gimp-palette-get-color-count",
    "gimp-palette-refresh": "gimp-palettes-refresh",
    "gimp-palette-swap-colors": "gimp-context-swap-colors",
    "gimp-parasite-list": "gimp-get-parasite-list",
    "gimp-patterns-get-pattern": "gimp-context-get-pattern",
    "gimp-selection-clear": "gimp-selection-none",
}

# Did something that GIMP 3 no longer has (linked layers, PDB error handlers): calls return nothing.
IGNORED = {
    "file-png-set-defaults",
    "file-raw-set-defaults",
    "gimp-brushes-set-spacing",
    "gimp-context-set-transform-recursion",
    "gimp-file-save-thumbnail",
    "gimp-floating-sel-relax",
    "gimp-floating-sel-rigor",
    "gimp-image-free-shadow",
    "gimp-image-set-metadata",
    "gimp-plugin-domain-register",
    "gimp-plugin-enable-precision",
    "gimp-plugin-help-register",
    "gimp-plugin-icon-register",
    "gimp-plugin-menu-branch-register",
    "gimp-plugin-menu-register",
    "gimp-plugin-set-pdb-error-handler",
    "gimp-progress-install",
    "gimp-progress-uninstall",
    "gimp-register-file-handler-mime",
    "gimp-register-file-handler-priority",
    "gimp-register-file-handler-raw",
    "gimp-register-file-handler-uri",
    "gimp-register-thumbnail-loader",
    "gimp-text-layer-set-hinting",
    "script-fu-refresh",
}

_REASONS = {
    "gimp-image-get-metadata": "GIMP 3 keeps metadata as an object, not as text",
    "gimp-register-load-handler": "use gimp.register_load_handler",
    "gimp-register-save-handler": "use gimp.register_save_handler",
    "plug-in-nlfilt": "GIMP 3 has no NL filter",
    "plug-in-ccanalyze": "GIMP 3's colour cube analysis returns nothing",
    **dict.fromkeys(
        (
            "plug-in-fimg-noise",
            "plug-in-lqr",
            "plug-in-normalmap",
            "plug-in-resynthesizer",
            "python-fu-selection-to-path",
            "script-fu-layer-effects-drop-shadow",
        ),
        "that plug-in is neither GIMP 3's nor installed here",
    ),
}
# What has no equivalent, as the sentence that its caller gets.
REFUSED = {name: f"{name} cannot be served: {reason}." for name, reason in _REASONS.items()}
