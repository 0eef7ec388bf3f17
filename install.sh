#!/bin/sh
# Installs Doorward for the current user:
#
#   curl -fsSL https://github.com/OWNER/doorward/releases/latest/download/install.sh | sh
#
# Downloads the archive for this machine and SHA256SUMS, and installs nothing if the checksum differs. SECURITY.md shows
# how to verify the signature of SHA256SUMS as well. These variables change what it does:
#
#   DOORWARD_VERSION       a release, such as 0.1.0, instead of the newest one
#   DOORWARD_INSTALL_DIR   the folder for the program, by default ~/.local/bin
#   DOORWARD_RELEASES      the URL of the releases, for a mirror
set -eu

# The release workflow writes its repository here.
REPOSITORY=OWNER/doorward

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# Sets `platform`, as in the names of the archives.
find_platform() {
  case $(uname -m) in
    x86_64 | amd64) platform=x86_64 ;;
    aarch64 | arm64) platform=aarch64 ;;
    *) fail "there is no download for $(uname -m); build Doorward with cargo" ;;
  esac
  case $(uname -s) in
    Linux) platform=$platform-linux ;;
    Darwin) platform=$platform-macos ;;
    *) fail "there is no download for $(uname -s)" ;;
  esac
}

# A release of GitHub redirects to another host.
download() {
  curl --fail --silent --show-error --location --proto-redir =https --output "$folder/$1" "$from/$1" ||
    fail "cannot download $from/$1"
}

sha256_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

main() {
  find_platform
  releases=${DOORWARD_RELEASES:-https://github.com/$REPOSITORY/releases}
  case $releases in
    */OWNER/*) fail "this file is not from a release: download install.sh from one, or set DOORWARD_RELEASES" ;;
  esac
  from=$releases/latest/download
  if [ -n "${DOORWARD_VERSION:-}" ]; then from=$releases/download/v${DOORWARD_VERSION#v}; fi
  to=${DOORWARD_INSTALL_DIR:-$HOME/.local/bin}
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 1' HUP INT TERM

  download SHA256SUMS
  line=$(grep -E "^[0-9a-f]{64}  doorward-[0-9][0-9A-Za-z.-]*-$platform\.tar\.gz\$" "$folder/SHA256SUMS") ||
    fail "this release has no download for $platform"
  archive=${line##* }
  download "$archive"
  [ "$(sha256_of "$folder/$archive")" = "${line%% *}" ] || fail "the checksum of $archive is wrong: nothing was installed"

  program=${archive%.tar.gz}/bin/doorward
  tar -xzf "$folder/$archive" -C "$folder" "$program"
  mkdir -p "$to"
  cp "$folder/$program" "$to/.doorward.new"
  version=$("$to/.doorward.new" --version) || fail "$to/.doorward.new does not run on this machine"
  # Replaced in one step, also while it runs.
  mv -f "$to/.doorward.new" "$to/doorward"
  echo "Installed $version in $to"
  command=doorward
  case :$PATH: in *":$to:"*) ;; *) command=$to/doorward ;; esac
  echo "Start it: $command serve"
}

# The last line, so that a download that was cut off does nothing.
main
