# The start of the script of each page: see shell.rs.
set -E
trap 'report "$?" "$LINENO" "$BASH_COMMAND"' ERR
trap 'stop_server; jobs -p | xargs --no-run-if-empty kill 2>> "$SCRATCH/end.log" || true' EXIT

# Reports the line of the page, also if a function below fails.
report() {
  local frame line=$2
  for frame in "${!BASH_SOURCE[@]}"; do
    if [ "${BASH_SOURCE[frame]}" = "$SCRATCH/page.sh" ]; then
      if [ "$frame" -gt 1 ]; then line=${BASH_LINENO[frame - 1]}; fi
      break
    fi
  done
  echo "$PAGE:$line: \`$3\` ended with $1" >&2
  if [ -s "$SCRATCH/answer.body" ]; then echo "the last response: $(cat "$SCRATCH/answer.body")" >&2; fi
}

server=
stop_server() {
  if [ -n "$server" ]; then
    kill "$server" 2>> "$SCRATCH/end.log" || true
    wait "$server" || true
    server=
  fi
}

# A reader runs the server in a second terminal, and stops the previous server first.
doorward() {
  case "$*" in
    serve*--ephemeral*) local -x DOORWARD_LISTEN=127.0.0.1:0 ;;
    serve*--dev-tls*) local -x DOORWARD_LISTEN=127.0.0.1:$SERVER_TLS_PORT ;;
  esac
  if [ "${1:-}" != serve ] || [ "$BASHPID" != "$$" ]; then
    command doorward "$@"
    return
  fi
  stop_server
  command doorward "$@" > "$SCRATCH/server.log" 2>&1 &
  server=$!
  local attempt
  for attempt in $(seq 200); do
    if command curl --silent --fail --insecure --output /dev/null "http://localhost:$SERVER_PORT/readyz" ||
      command curl --silent --fail --insecure --output /dev/null "https://localhost:$SERVER_TLS_PORT/readyz"; then
      cat "$SCRATCH/server.log"
      return
    fi
    kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  echo "the server did not start after $attempt attempts" >&2
  cat "$SCRATCH/server.log" >&2
  return 1
}

# Stores the last response, for the expectations of the page. An error response is a failure, unless a
# status is expected: expected_output.rs then compares it.
expected_status=
curl() {
  local word fail=--fail-with-body ended=0
  for word in "$@"; do
    if [ "$word" = --fail ] || [[ $word =~ ^-[sSikL]*f[sSikL]*$ ]]; then
      fail=--show-error
    fi
  done
  command curl --show-error "$fail" --dump-header "$SCRATCH/answer.head" "$@" > "$SCRATCH/answer.body" || ended=$?
  cat "$SCRATCH/answer.body"
  if [ "$ended" = 22 ] && [ -n "$expected_status" ]; then
    return 0
  fi
  return "$ended"
}

# Before a line with an expectation, with its status if it has one; and after the line, with its number.
expected() {
  expected_status=$1
  rm -f "$SCRATCH/answer.head" "$SCRATCH/answer.body"
}

captured() {
  expected_status=
  cat "$SCRATCH/expectations/$1.stdout"
  local part
  for part in head body; do
    if [ -e "$SCRATCH/answer.$part" ]; then cp "$SCRATCH/answer.$part" "$SCRATCH/expectations/$1.$part"; fi
  done
}

# A block that shows the last response.
shown_again() {
  cp "$SCRATCH/answer.body" "$SCRATCH/expectations/$1.body"
  cp "$SCRATCH/answer.body" "$SCRATCH/expectations/$1.stdout"
}

# The binary that cargo would build exists already.
cargo() {
  case "$*" in
    'run -- '*) shift 2 && doorward "$@" ;;
    'run --release -- '*) shift 3 && doorward "$@" ;;
    'build --release' | 'build --release --locked')
      mkdir -p target/release && ln -sf "$BINARY" target/release/doorward ;;
    *) command cargo "$@" ;;
  esac
}

# `oathtool --totp --base32 SECRET` of the package of this name: the code of an authenticator app.
oathtool() {
  python3 - "${@: -1}" << 'END'
import base64, hmac, sys, time
step = int(time.time()) // 30
mac = hmac.digest(base64.b32decode(sys.argv[1]), step.to_bytes(8, "big"), "sha1")
start = mac[-1] & 15
print("%06d" % ((int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF) % 1000000))
END
}
