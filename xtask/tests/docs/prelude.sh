# What a page's script begins with when it is tried: see shell.rs.
set -E
trap 'tell "$?" "$LINENO" "$BASH_COMMAND"' ERR
trap 'stop_server; jobs -p | xargs --no-run-if-empty kill 2>> "$SCRATCH/end.log" || true' EXIT

# Names the page's own line, also where a function below has failed.
tell() {
  local frame line=$2
  for frame in "${!BASH_SOURCE[@]}"; do
    if [ "${BASH_SOURCE[frame]}" = "$SCRATCH/page.sh" ]; then
      if [ "$frame" -gt 1 ]; then line=${BASH_LINENO[frame - 1]}; fi
      break
    fi
  done
  echo "$PAGE:$line: \`$3\` ended with $1" >&2
}

server=
stop_server() {
  if [ -n "$server" ]; then
    kill "$server" 2>> "$SCRATCH/end.log" || true
    wait "$server" || true
    server=
  fi
}

# A reader has a second terminal for what comes next, and ends the server that was there before.
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
  local turn
  for turn in $(seq 200); do
    if command curl --silent --fail --insecure --output /dev/null "http://localhost:$SERVER_PORT/readyz" ||
      command curl --silent --fail --insecure --output /dev/null "https://localhost:$SERVER_TLS_PORT/readyz"; then
      cat "$SCRATCH/server.log"
      return
    fi
    kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  echo "the server did not come up, turn $turn" >&2
  cat "$SCRATCH/server.log" >&2
  return 1
}

# A refusal is a failure, unless the page says itself what curl makes of one.
curl() {
  local word
  for word in "$@"; do
    if [ "$word" = --fail ] || [[ $word =~ ^-[sSikL]*f[sSikL]*$ ]]; then
      command curl --show-error "$@"
      return
    fi
  done
  command curl --show-error --fail-with-body "$@"
}

# What cargo would build is there already.
cargo() {
  case "$*" in
    'run -- '*) shift 2 && doorward "$@" ;;
    'run --release -- '*) shift 3 && doorward "$@" ;;
    'build --release' | 'build --release --locked')
      mkdir -p target/release && ln -sf "$BINARY" target/release/doorward ;;
    *) command cargo "$@" ;;
  esac
}

# `… # 401`: the request is refused, with this status.
refused() {
  local status=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "it was not refused: $said" >&2
    return 1
  fi
  case $said in
    *"error: $status"*) ;;
    *) echo "not refused with $status: $said" >&2 && return 1 ;;
  esac
}

# `… # {"token": "…"}`: the answer has these fields.
answers() {
  local promised=$1 said field
  shift
  said=$("$@")
  printf '%s\n' "$said"
  while read -r field; do
    case $said in
      *"$field"*) ;;
      *) echo "$field is not in the answer: $said" >&2 && return 1 ;;
    esac
  done < <(grep --only-matching '"[a-z_]*":' <<< "$promised" | tr --delete :)
}
