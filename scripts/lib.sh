# Starting and ending a service from a script, and what scripts need from Debian; sourced, never run.

# install_packages PACKAGE…: as Debian calls them; nothing is done without any.
install_packages() {
  local as_root=()
  [[ $# -gt 0 ]] || return 0
  [[ $EUID -eq 0 ]] || as_root=(sudo)
  "${as_root[@]}" apt-get update
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install --yes --no-install-recommends "$@"
}

# start_service FOLDER COMMAND…: runs the command, waits for its ready line, sets `url` and `service`.
# What the service says on stderr goes to FOLDER/log.
start_service() {
  local folder=$1 line
  shift
  mkfifo "$folder/out"
  # Held open in both directions: nobody waits for the other end, and no line of the service is refused.
  exec 9<>"$folder/out"
  "$@" >&9 2>"$folder/log" &
  service=$!
  while read -r -t 300 -u 9 line; do
    if [[ $line == "latchkey ready "* ]]; then
      url=${line#latchkey ready }
      return
    fi
  done
  echo "no ready line:" >&2
  cat "$folder/log" >&2
  return 1
}

# end_service: asks it to end, and fails unless it ends cleanly.
end_service() {
  kill -TERM "$service"
  wait "$service"
}

# Ends what is left and removes the folder, however the script ends.
clean_up() {
  if [[ -n ${service:-} ]] && kill -0 "$service" 2>/dev/null; then
    kill -KILL "$service"
  fi
  rm -rf "$1"
}
