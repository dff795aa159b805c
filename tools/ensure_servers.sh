#!/bin/sh
# The suite runs against real servers. As root on Debian they are installed; otherwise what is missing is named.
set -u
missing=""
need() { # program package
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need mosquitto mosquitto
need mosquitto_sub mosquitto-clients
need influxd influxdb
need victoria-metrics victoria-metrics
need mbpoll mbpoll
need socat socat
need openssl openssl
need node nodejs
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "The tests need these Debian packages, and this user cannot install them:$missing" >&2
    echo "Install them once as root: apt-get install$missing" >&2
    exit 1
fi
echo "lampwell: installing test servers:$missing"
# The packages must not start services of their own: the tests start their own on free ports.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
fi
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
status=$?
[ -n "$made" ] && rm -f "$policy"
exit $status
