#!/usr/bin/env bash
# Runs tests under conditions that no test may depend on.
#
#   tests/hostile.sh [CONDITION…] [-- PYTEST ARGUMENTS…]
#
# date     29 February of a later year, a moment before midnight (a C compiler is needed)
# zone     TZ=Asia/Kathmandu
# locale   LANG=C, LC_ALL=C
# settings variables and files of a user: git, pip, proxies, terminal
# processor  arithmetic without the vector instructions of this one: sums come out otherwise
# core     one processor
# load     other work that halves what the tests get
# folder   a checkout whose path has blanks and other letters than ASCII
# user     a user of the tests' own that is not root (to be called as root)
# network  none but the loopback interface (to be called as root)
#
# Without a condition there are two rounds, with `locale processor core load` and with the others: Python 3.11 reads the path of an
# editable installation in the encoding of the locale, so that C and other letters exclude each other. Without arguments
# the quick tests run. PYTHON: an interpreter whose environment has what development needs.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -eq 0 ] || [ "$1" = -- ]; then
    tests/hostile.sh locale processor core load "$@"
    exec tests/hostile.sh date zone settings folder user network "$@"
fi

here=$PWD
PYTHON=$(realpath -s "${PYTHON:-.venv/bin/python}")
TESTER=regtrain-tests
conditions=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do conditions+=("$1") && shift; done
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -q -n 2 -m 'not slow and not campaign'

holds() {
    [[ " ${conditions[*]} " == *" $1 "* ]]
}

place=$(mktemp -d)
chmod 755 "$place"
busy=()
finish() {
    [ ${#busy[@]} -eq 0 ] || kill "${busy[@]}"
    rm -rf "$place"
}
trap finish EXIT

# A checkout and an environment of its own: what is installed is taken from the one that is there.
copy_checkout() {
    local name=checkout site
    ! holds folder || name='a folder, größer – 数据'
    mkdir "$place/$name"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$place/$name"
    cd "$place/$name"
    git init --quiet && git add --all
    "$PYTHON" -m venv --without-pip .venv
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    mkdir "$place/wheel"
    "$PYTHON" -c 'import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])' "$place/wheel"
    "$PYTHON" -m pip --disable-pip-version-check --python .venv/bin/python install --quiet --no-index --no-deps \
        "$place"/wheel/*.whl
    "$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$site/zz_others.pth"
    for program in "$(dirname "$PYTHON")"/*; do
        [ -e ".venv/bin/${program##*/}" ] || ln -s "$program" .venv/bin/
    done
    touch .venv/runnable .venv/ready
    PYTHON=$PWD/.venv/bin/python
}

# Parts of the command line, from the outermost to the innermost.
namespace=() outer=() settings=()
if holds folder || holds user; then copy_checkout; fi
if holds user; then
    id "$TESTER" >/dev/null 2>&1 || useradd --create-home "$TESTER"
    chown -R "$TESTER" "$place"
    # The interpreter may lie below a home that others may not enter: a namespace shows it to the user.
    namespace=(unshare --mount)
    outer+=(setpriv "--reuid=$TESTER" "--regid=$TESTER" --init-groups)
    settings+=("HOME=$(getent passwd "$TESTER" | cut -d: -f6)" "USER=$TESTER" "LOGNAME=$TESTER")
fi
! holds network || namespace=(unshare --net "${namespace[@]:1}")
! holds core || outer+=(taskset --cpu-list 0)
! holds processor || settings+=(ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 OPENBLAS_CORETYPE=Prescott)
! holds zone || settings+=(TZ=Asia/Kathmandu)
! holds locale || settings+=(LANG=C LC_ALL=C)
if holds settings; then
    printf '[user]\n\tuseConfigOnly = true\n[commit]\n\tgpgsign = true\n[core]\n\tautocrlf = true\n[diff]\n\tnoprefix = true\n' >"$place/gitconfig"
    printf '[global]\nindex-url = http://127.0.0.1:1/\nuser = true\n' >"$place/pip.conf"
    settings+=("GIT_CONFIG_GLOBAL=$place/gitconfig" "PIP_CONFIG_FILE=$place/pip.conf" http_proxy=http://127.0.0.1:1)
    settings+=(COLUMNS=40 FORCE_COLOR=1 TERM=xterm REGTRAIN_EPOCHS=99 AWS_PROFILE=nobody PGPORT=1)
fi
inner=()
if holds date; then
    cc -O2 -shared -fPIC -o "$place/clock.so" "$here/tests/support/clock.c" -ldl
    chmod 755 "$place/clock.so"
    inner=(env "LD_PRELOAD=$place/clock.so" "CLOCK_OFFSET=$(($(date -d '2028-02-29 23:58:00' +%s) - $(date +%s)))")
fi
if holds load; then
    for _ in $(seq "$(! holds core && nproc || echo 1)"); do
        ${outer[@]+"${outer[@]}"} sh -c 'while :; do :; done' &
        busy+=($!)
    done
fi

prepare='true'
! holds network || prepare+=' && ip link set lo up'
if holds user; then
    home=$("$PYTHON" -c 'import sys; print(sys.base_prefix)')
    case $home in "$HOME"/*) prepare+=" && mkdir '$place/base' && mount --bind '$home' '$place/base' && mount -t tmpfs -o mode=755 none '$HOME' && mkdir -p '$home' && mount --bind '$place/base' '$home'" ;; esac
fi
echo "under: ${conditions[*]}"
${namespace[@]+"${namespace[@]}"} bash -c "$prepare"' && exec "$@"' hostile ${outer[@]+"${outer[@]}"} \
    env ${settings[@]+"${settings[@]}"} ${inner[@]+"${inner[@]}"} "$PYTHON" -m pytest -p no:cacheprovider "$@"
