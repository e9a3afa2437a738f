// SPDX-License-Identifier: LicenseRef-z360-proprietary
// For LD_PRELOAD: the time of day of one process is moved by the milliseconds that stand, as eight bytes, in
// the file that CLOCK_SHIFT_FILE names. Whoever writes there sets that process's clock while it runs. Clocks
// that only go on (CLOCK_MONOTONIC) are left alone, as they are when somebody sets a machine's clock.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile std::int64_t* open_shift() {
    const char* name = std::getenv("CLOCK_SHIFT_FILE");
    const int fd = name == nullptr ? -1 : ::open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* at = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return at == MAP_FAILED ? nullptr : static_cast<const volatile std::int64_t*>(at);
}

constexpr std::int64_t k_second = 1'000'000'000;

int real(clockid_t clock, timespec* t) {
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, t));
}

void shift(timespec* t) {
    static const volatile std::int64_t* const by = open_shift();
    if (by == nullptr) return;
    auto ns = t->tv_nsec + (*by % 1'000) * 1'000'000;
    t->tv_sec += *by / 1'000;
    if (ns < 0) {
        ns += k_second;
        --t->tv_sec;
    } else if (ns >= k_second) {
        ns -= k_second;
        ++t->tv_sec;
    }
    t->tv_nsec = ns;
}

} // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* t) noexcept {
    const int rc = real(clock, t);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(t);
    return rc;
}

extern "C" int gettimeofday(timeval* out, void*) noexcept {
    timespec t{};
    if (const int rc = real(CLOCK_REALTIME, &t); rc != 0) return rc;
    shift(&t);
    out->tv_sec = t.tv_sec;
    out->tv_usec = t.tv_nsec / 1'000;
    return 0;
}

extern "C" std::time_t time(std::time_t* out) noexcept {
    timespec t{};
    (void)real(CLOCK_REALTIME, &t);
    shift(&t);
    if (out != nullptr) *out = t.tv_sec;
    return t.tv_sec;
}
