/* LD_PRELOAD: the date is CLOCK_OFFSET seconds ahead. Clocks that measure time are left alone: libfaketime 0.9.10 moves
 * them, too, and then a wait with a limit never ends, or without that every sleep fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t offset(void) {
    static time_t found = -1;
    if (found < 0) {
        const char *text = getenv("CLOCK_OFFSET");
        found = text ? atoll(text) : 0;
    }
    return found;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, now);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    int code = clock_gettime(CLOCK_REALTIME, &found);
    if (code == 0 && now) *now = (struct timeval){found.tv_sec, found.tv_nsec / 1000};
    return code;
}

time_t time(time_t *into) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (into) *into = found.tv_sec;
    return found.tv_sec;
}
