# shellcheck shell=bash
# Images by buildah, without an engine, for scripts/image; source after common.sh. Everything lives in $image: buildah's
# storage, the base image, the apt settings that are lent to a build.
# shellcheck disable=SC2154 # root and run come from common.sh

image_base=debian:12-slim
release=bookworm

# image_begin FOLDER: where everything lives. chroot isolation needs no engine and no namespaces of its own.
image_begin() {
    image=$1
    mkdir -p "$image/storage"
    export BUILDAH_ISOLATION=chroot
    storage_driver=${Z360_IMAGE_DRIVER:-$(storage_driver)}
    here rm --all >/dev/null # of a run that was killed
}

# end_leftovers FOLDER: what a run that was killed has left running: buildah on this folder's storage, and all below.
end_leftovers() {
    local pid
    for pid in $(pgrep -f -- "^buildah --root $1/storage " || true); do
        warn "ending what an earlier run left: $pid and what it runs"
        end_below "$pid"
        stop_pid "$pid" 5
    done
}
end_below() {
    local child
    for child in $(pgrep -P "$1" || true); do
        end_below "$child"
        stop_pid "$child" 20
    done
}

# Layers by overlayfs, where it can be mounted; a copy of everything for each layer is slow, but works everywhere.
storage_driver() {
    local try
    try=$(mktemp -d "$image/overlay.XXXXXX")
    mkdir "$try/lower" "$try/upper" "$try/work" "$try/merged"
    if mount -t overlay overlay -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" "$try/merged" 2>/dev/null; then
        umount "$try/merged"
        echo overlay
    else
        echo vfs
    fi
    rm -rf "$try"
}

# here VERB...: buildah on our own storage; no setting of this machine's containers is read or changed.
here() { buildah --root "$image/storage" --runroot "$image/runroot" --storage-driver "$storage_driver" "$@"; }

# forget_images FOLDER: everything of an earlier run; one that was killed may have left mounts.
forget_images() {
    local mounted
    while read -r mounted; do umount "$mounted"; done < <(awk -v f="$1/" 'index($2, f) == 1 { print $2 }' /proc/self/mounts | sort -r)
    rm -rf "$1/storage" "$1/runroot" "$1/debs" "$1/base-tree"
}

# image_there NAME
image_there() { here inspect --type image "$1" >/dev/null 2>&1; }

# why_no_image: why an image cannot be built on this machine, in a line; 1 when nothing stands in the way.
why_no_image() {
    local free_gb
    if [ "$(id -u)" -ne 0 ]; then
        echo "chroot and mounts need root; run it as root"
    elif ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
        echo "buildah or debootstrap is not installed; run scripts/setup --image"
    elif ! unshare --mount true 2>/dev/null; then
        echo "this machine lets nobody mount anything; it takes one where root may (CAP_SYS_ADMIN)"
    else
        mkdir -p "$run"
        free_gb=$(df --output=avail -BG "$run" | tail -n 1 | tr -dc 0-9)
        [ "$free_gb" -lt 8 ] || return 1
        echo "$free_gb GB are free in $run; it takes 8"
    fi
}

# lend_apt TREE: how this machine's apt reaches its packages: $lent_apt and $lent_settings, buildah's options that show it
# to commands in an image with that tree. They cover folders that are there, so that neither a mirror nor a proxy nor a certificate of
# this machine, nor a trace of having been there, stays in an image.
lend_apt() {
    local tree=$1 folder=$image/lent settings certificates
    rm -rf "$folder"
    mkdir -p "$folder/sources.list.d" "$folder/auth.conf.d" "$folder/mnt"
    cp -a "$tree/etc/apt/apt.conf.d" "$folder/apt.conf.d"
    settings=$folder/apt.conf.d/zz-lent
    debian_sources | sed 's/^/deb /' >"$folder/sources.list.d/lent.list"
    [ -s "$folder/sources.list.d/lent.list" ] ||
        die "apt knows no package list of Debian $release; run apt-get update, and see /etc/apt/sources.list.d"
    apt-config dump | grep -E '^Acquire::[^ ]+ "[^"]' |
        grep -vE '^Acquire::(IndexTargets|Changelogs|cdrom|CompressionTypes)|Auto-?Detect' >"$settings" || true
    certificates=$(apt_setting Acquire::https::CaInfo)
    certificates=${certificates:-/etc/ssl/certs/ca-certificates.crt}
    if [ -r "$certificates" ]; then
        cp -L "$certificates" "$folder/mnt/certificates"
        echo 'Acquire::https::CaInfo "/mnt/certificates";' >>"$settings"
    fi
    # Passwords of mirrors: readable for whoever may read them here.
    find -L /etc/apt/auth.conf /etc/apt/auth.conf.d -type f -exec cp -p -t "$folder/auth.conf.d" {} + 2>/dev/null || true
    lent_apt=(--volume "$folder/mnt:/mnt:ro" --volume "$folder/auth.conf.d:/etc/apt/auth.conf.d:ro"
        --volume "$folder/sources.list.d:/etc/apt/sources.list.d:ro")
    lent_settings=(--volume "$folder/apt.conf.d:/etc/apt/apt.conf.d:ro")
}

# URL, release and components of Debian's package lists that apt has fetched, one archive a line.
debian_sources() {
    # shellcheck disable=SC2016 # apt fills them in
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sed -n "s/^Debian ${release}[a-z-]* //p" | sort -u
}
apt_setting() {
    local value
    eval "$(apt-config shell value "$1")"
    printf '%s' "${value:-}"
}

# make_base: debian:12-slim of this machine's packages: the essential ones, without documents, as it is on registries.
make_base() {
    local tree=$image/base-tree mirror proxy
    mirror=$(debian_sources | awk -v release=$release '$2 == release && $3 == "main" { print $1; exit }')
    [ -n "$mirror" ] || die "apt has no $release main to make $image_base of; see /etc/apt/sources.list.d"
    proxy=$(apt_setting Acquire::http::Proxy)
    # In memory: dpkg waits for the disk after every file. The mount ends with make_base, or with end_base.
    mkdir -p "$image/debs" "$tree"
    mount -t tmpfs -o mode=755,size=1g tmpfs "$tree" || die "no tmpfs can be mounted at $tree"
    http_proxy=${proxy:-${http_proxy:-}} debootstrap --variant=minbase --cache-dir="$image/debs" "$release" "$tree" \
        "$mirror" >"$logs/image-base.log" 2>&1 </dev/null ||
        die "debootstrap failed; see $logs/image-base.log: a missing package needs apt-get update on this machine"
    # Where packages come from is said by whoever builds; documents, translations and fetched packages are left out.
    : >"$tree/etc/apt/sources.list"
    : >"$tree/etc/resolv.conf"
    printf 'path-exclude /usr/share/%s/*\n' doc man info locale lintian >"$tree/etc/dpkg/dpkg.cfg.d/z360-slim"
    printf 'path-include /usr/share/doc/*/copyright\nforce-unsafe-io\n' >>"$tree/etc/dpkg/dpkg.cfg.d/z360-slim"
    cat >"$tree/etc/apt/apt.conf.d/z360-slim" <<'APT'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Acquire::Languages "none";
APT
    find "$tree"/usr/share/{man,info,locale,lintian} "$tree"/var/cache/apt "$tree"/var/lib/apt/lists "$tree"/var/log \
        -mindepth 1 ! -type d -delete 2>/dev/null || true
    find "$tree/usr/share/doc" -mindepth 1 ! -type d ! -name copyright -delete
    lend_apt "$tree"
    container=$(here from scratch) || die "buildah cannot work in $image"
    here add --quiet "$container" "$tree" / >/dev/null || die "buildah could not copy $tree; is $image full?"
    here config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    end_base
    tree=$(here mount "$container")
    # debootstrap knows one archive; what Debian has mended since is in others. An upgrade of apt writes where its
    # settings are, so that they are not covered here.
    cp "$image/lent/apt.conf.d/zz-lent" "$tree/etc/apt/apt.conf.d/"
    here run "${lent_apt[@]}" --env DEBIAN_FRONTEND=noninteractive "$container" -- \
        sh -c 'apt-get update && apt-get -y upgrade && rm -rf /var/lib/apt/lists/*' >>"$logs/image-base.log" 2>&1 </dev/null ||
        die "the base image could not fetch packages; see $logs/image-base.log and this machine's /etc/apt"
    rm "$tree/etc/apt/apt.conf.d/zz-lent"
    here commit --quiet --rm "$container" "$image_base" >/dev/null || die "buildah could not keep $image_base; is $image full?"
    container=''
}
end_base() { ! mountpoint -q "$image/base-tree" || umount "$image/base-tree"; }

# lend_ccache: this machine's compiler cache for the build: $lent_ccache, buildah's options. Compiler and headers are
# the same packages, so that what was compiled outside is found inside.
lend_ccache() {
    local cache
    # shellcheck disable=SC2034 # for scripts/image
    lent_ccache=()
    command -v ccache >/dev/null || return 0
    cache=$(ccache --get-config cache_dir)
    mkdir -p "$cache"
    printf 'cache_dir = /ccache\nmax_size = %s\n' "$(ccache --get-config max_size)" >"$image/ccache.conf"
    # shellcheck disable=SC2034
    lent_ccache=(--volume "$cache:/ccache" --volume "$image/ccache.conf:/etc/ccache.conf:ro")
}

# image_build TARGET NAME OPTION...: a stage of docker/Dockerfile; layers of an earlier run are used again.
image_build() (
    target=$1 tag=$2
    shift 2
    # Compilers must not take the processors from servers whose times are being measured.
    renice -n 10 -p "$BASHPID" >/dev/null
    # Docker's format: the other one knows no health check.
    here build --pull-never --layers --format docker --target "$target" --tag "$tag" --file "$root/docker/Dockerfile" \
        "${lent_apt[@]}" "${lent_settings[@]}" "$@" "$root" </dev/null
)

# direct_libraries PROGRAM: names of the shared libraries that it asks for itself; needs in_image.
direct_libraries() {
    # shellcheck disable=SC2016 # it is for the shell in the image
    in_image sh -c 'LD_TRACE_LOADED_OBJECTS=1 LD_DEBUG=files "$1" 2>&1' sh "/usr/local/bin/$1" |
        sed -n "s#.*file=\\([^ ]*\\) .*needed by /usr/local/bin/$1 .*#\\1#p"
}

# check_packages TREE: the run-time list at the head of docker/Dockerfile has exactly what the programs ask for, and what
# the scripts of the image call.
check_packages() {
    local tree=$1 program library package owner listed wanted='' scripts=/usr/local/lib/z360-voip
    read -ra listed < <(sed -n 's/^# run-time: //p' "$root/docker/Dockerfile" | tr '\n' ' ')
    for program in z360-voipd z360-sim; do
        if in_image ldd "/usr/local/bin/$program" | grep 'not found'; then
            die "$program does not find these in the image; add their packages to both lists of docker/Dockerfile"
        fi
        for library in $(direct_libraries "$program"); do
            owner=$(dpkg-query --admindir="$tree/var/lib/dpkg" --search "*/$library" | sed 's/:.*//' | sort -u) ||
                die "no package of the image has $library"
            wanted+=" $owner"
            case $owner in libc6 | libgcc-s1 | libstdc++6) continue ;; esac # every Debian has them: apt needs them
            [[ " ${listed[*]} " == *" $owner "* ]] ||
                die "$program asks for $library; add $owner to the run stage and the run-time list of docker/Dockerfile"
        done
    done
    [ -n "$wanted" ] || die "the image's programs name no library; does ld.so print them with LD_DEBUG=files?"
    for package in "${listed[@]}"; do
        case $package in
        ca-certificates) continue ;; # read by libcurl for every outgoing request
        curl) in_image grep -qrw curl "$scripts" && continue ;;
        esac
        [[ "$wanted " == *" $package "* ]] ||
            die "nothing in the image needs $package; take it out of the run stage and the run-time list of docker/Dockerfile"
    done
    say "${#listed[@]} packages, each of them needed, none missing"
}
