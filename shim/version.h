/* Which version of the CNI specification a caller speaks, found in its configuration without parsing it. */
#ifndef PODBERTH_VERSION_H
#define PODBERTH_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The versions of the specification; what is no version is told in the first one's words, which all callers read. */
static const char *const VERSIONS[] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

/* Return the end of the text of a JSON string that begins behind its quote; `end` if it has none. */
static const uint8_t *string_end(const uint8_t *at, const uint8_t *end) {
    for (; at < end && *at != '"'; at++)
        if (*at == '\\' && ++at == end)
            return end;
    return at;
}

static const uint8_t *skip_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/*
 * Return the version of the outermost object's cniVersion. It is no parser: of JSON it finds the key where it is, and
 * of anything else it finds one of the versions there are, at worst the wrong one.
 */
static const char *version_in(const uint8_t *at, const uint8_t *end) {
    static const char key[] = "cniVersion";
    int depth = 0;
    while (at < end) {
        uint8_t byte = *at++;
        depth += (byte == '{' || byte == '[') - (byte == '}' || byte == ']');
        if (byte != '"')
            continue;
        const uint8_t *begin = at, *close = string_end(at, end);
        if (close == end)
            break;
        at = skip_space(close + 1, end);
        bool is_key = depth == 1 && at < end && *at == ':' && (size_t)(close - begin) == strlen(key);
        if (!is_key || memcmp(begin, key, strlen(key)) != 0)
            continue;
        begin = skip_space(at + 1, end);
        if (begin == end || *begin++ != '"')
            break;
        close = string_end(begin, end);
        for (size_t i = 0; close < end && i < sizeof VERSIONS / sizeof *VERSIONS; i++)
            if ((size_t)(close - begin) == strlen(VERSIONS[i]) && !memcmp(begin, VERSIONS[i], strlen(VERSIONS[i])))
                return VERSIONS[i];
        break;
    }
    return VERSIONS[0];
}

#endif
