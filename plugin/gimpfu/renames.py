"""PDB procedures that GIMP 3 has under another name, with arguments in the same order.

Keys are GIMP 2's names (with the deprecated ones of 2.x that 2.10 still ran).
"""

from __future__ import annotations

RENAMED: dict[str, str] = {
    "gimp-brushes-set-brush": "gimp-context-set-brush",
    "gimp-color-picker": "gimp-image-pick-color",
    "gimp-context-get-dynamics": "gimp-context-get-dynamics-name",
    "gimp-context-set-dynamics": "gimp-context-set-dynamics-name",
    "gimp-convert-grayscale": "gimp-image-convert-grayscale",
    "gimp-convert-indexed": "gimp-image-convert-indexed",
    "gimp-crop": "gimp-image-crop",
    "gimp-desaturate-full": "gimp-drawable-desaturate",
    "gimp-drawable-height": "gimp-drawable-get-height",
    "gimp-drawable-offsets": "gimp-drawable-get-offsets",
    "gimp-drawable-width": "gimp-drawable-get-width",
    "gimp-edit-clear": "gimp-drawable-edit-clear",
    "gimp-edit-named-paste-as-new": "gimp-edit-named-paste-as-new-image",
    "gimp-edit-paste-as-new": "gimp-edit-paste-as-new-image",
    "gimp-edit-stroke": "gimp-drawable-edit-stroke-selection",
    "gimp-edit-stroke-vectors": "gimp-drawable-edit-stroke-item",
    "gimp-image-base-type": "gimp-image-get-base-type",
    "gimp-image-get-vectors": "gimp-image-get-paths",
    "gimp-image-get-vectors-by-name": "gimp-image-get-path-by-name",
    "gimp-image-height": "gimp-image-get-height",
    "gimp-image-insert-vectors": "gimp-image-insert-path",
    "gimp-image-remove-vectors": "gimp-image-remove-path",
    "gimp-image-width": "gimp-image-get-width",
    "gimp-layer-set-preserve-trans": "gimp-layer-set-lock-alpha",
    "gimp-palette-entry-get-color": "gimp-palette-get-entry-color",
    "gimp-palette-entry-get-name": "gimp-palette-get-entry-name",
    "gimp-palette-entry-set-color": "gimp-palette-set-entry-color",
    "gimp-palette-entry-set-name": "gimp-palette-set-entry-name",
    "gimp-palette-get-background": "gimp-context-get-background",
    "gimp-palette-get-foreground": "gimp-context-get-foreground",
    "gimp-palette-get-info": "gimp-palette-get-color-count",
    "gimp-palette-set-foreground": "gimp-context-set-foreground",
    "gimp-posterize": "gimp-drawable-posterize",
    "gimp-selection-clear": "gimp-selection-none",
    "gimp-undo-push-group-end": "gimp-image-undo-group-end",
    "gimp-undo-push-group-start": "gimp-image-undo-group-start",
    "gimp-vectors-new": "gimp-path-new",
    "gimp-vectors-new-from-text-layer": "gimp-path-new-from-text-layer",
}

_OF_ITEMS = "delete get-name set-name get-visible set-visible get-tattoo set-tattoo get-image"
_PARASITES = {
    "parasite-find": "get-parasite",
    "parasite-attach": "attach-parasite",
    "parasite-detach": "detach-parasite",
}
_STROKES = (
    "bezier-stroke-conicto bezier-stroke-cubicto bezier-stroke-lineto bezier-stroke-new-ellipse"
    " bezier-stroke-new-moveto get-strokes remove-stroke stroke-close stroke-flip stroke-flip-free"
    " stroke-get-length stroke-get-point-at-dist stroke-get-points stroke-interpolate"
    " stroke-new-from-points stroke-rotate stroke-scale stroke-translate copy"
)
RENAMED |= {
    **{
        f"gimp-{kind}-{name}": f"gimp-item-{name}"
        for kind in ("drawable", "layer", "channel", "vectors")
        for name in _OF_ITEMS.split()
    },
    **{
        f"gimp-{kind}-{old}": f"gimp-{'image' if kind == 'image' else 'item'}-{new}"
        for kind in ("image", "item", "drawable", "layer", "channel", "vectors")
        for old, new in _PARASITES.items()
    },
    **{f"gimp-{old}": f"gimp-{new}" for old, new in _PARASITES.items()},
    **{f"gimp-vectors-{name}": f"gimp-path-{name}" for name in _STROKES.split()},
    **{
        f"gimp-image-{way}-{kind}{end}": f"gimp-image-{way}-item{end}"
        for kind in ("layer", "channel", "vectors")
        for way, ends in {"raise": ("", "-to-top"), "lower": ("", "-to-bottom")}.items()
        for end in ends
    },
    **{
        f"gimp-image-get-{kind}-position": "gimp-image-get-item-position"
        for kind in ("layer", "channel", "vectors")
    },
    "gimp-parasite-list": "gimp-get-parasite-list",
    "gimp-convert-rgb": "gimp-image-convert-rgb",
    "gimp-channel-ops-duplicate": "gimp-image-duplicate",
    "gimp-image-floating-selection": "gimp-image-get-floating-sel",
    "gimp-image-merge-layer-group": "gimp-group-layer-merge",
    "gimp-image-freeze-vectors": "gimp-image-freeze-paths",
    "gimp-image-thaw-vectors": "gimp-image-thaw-paths",
    "gimp-image-get-vectors-by-tattoo": "gimp-image-get-path-by-tattoo",
    "gimp-layer-get-preserve-trans": "gimp-layer-get-lock-alpha",
    "gimp-palette-set-background": "gimp-context-set-background",
    "gimp-palette-set-default-colors": "gimp-context-set-default-colors",
    "gimp-palette-swap-colors": "gimp-context-swap-colors",
    "gimp-palette-refresh": "gimp-palettes-refresh",
    "gimp-brushes-get-opacity": "gimp-context-get-opacity",
    "gimp-brushes-set-opacity": "gimp-context-set-opacity",
    "gimp-brushes-get-paint-mode": "gimp-context-get-paint-mode",
    "gimp-brushes-set-paint-mode": "gimp-context-set-paint-mode",
    "gimp-patterns-get-pattern": "gimp-context-get-pattern",
    "gimp-buffers-get-list": "gimp-buffers-get-name-list",
    "gimp-dynamics-get-list": "gimp-dynamics-get-name-list",
    "file-load-rgbe": "file-rgbe-load",
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
