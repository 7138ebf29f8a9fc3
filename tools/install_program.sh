#!/bin/sh
# usage: install_program.sh PROGRAM   What PROGRAM says of itself, beside it: manuals and completions; run by
# `meson install`.
set -eu
program=$1
share=$MESON_INSTALL_DESTDIR_PREFIX/share
put() {
    mkdir -p "$(dirname "$2")"
    "$program" completion "$1" > "$2"
    chmod 644 "$2"
}
mkdir -p "$share/man"
"$program" __manuals "$share/man"
put bash "$share/bash-completion/completions/chancery"
put zsh "$share/zsh/vendor-completions/_chancery"
put fish "$share/fish/vendor_completions.d/chancery.fish"
put powershell "$share/chancery/completion.ps1"
ln -sf chancery "$share/bash-completion/completions/chy"
ln -sf chancery.fish "$share/fish/vendor_completions.d/chy.fish"
