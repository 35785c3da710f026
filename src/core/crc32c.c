/* CRC-32C (Castagnoli, reflected polynomial 82F63B78): the processor's instruction where there is
   one, else tables of sixteen entries for each of the sixteen nibbles of eight bytes. */
#include "core/file.h"

#include <string.h>

/* The checksum is linear: an entry is the sum of those of its bits, so four constants make a row.
   */
#define NIBBLE(a, b, c, d)                                                                         \
    {                                                                                              \
        0, a, b, (a) ^ (b), c, (a) ^ (c), (b) ^ (c), (a) ^ (b) ^ (c), d, (a) ^ (d), (b) ^ (d),     \
            (a) ^ (b) ^ (d), (c) ^ (d), (a) ^ (c) ^ (d), (b) ^ (c) ^ (d), (a) ^ (b) ^ (c) ^ (d)    \
    }
static const uint32_t table[16][16] = {
    /* row k: nibble k of the block, lowest first */
    NIBBLE(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu),
    NIBBLE(0x847609B4u, 0x0D006599u, 0x1A00CB32u, 0x34019664u),
    NIBBLE(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u),
    NIBBLE(0x9C5BFAA6u, 0x3D5B83BDu, 0x7AB7077Au, 0xF56E0EF4u),
    NIBBLE(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu),
    NIBBLE(0xC00C303Eu, 0x85F4168Du, 0x0E045BEBu, 0x1C08B7D6u),
    NIBBLE(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u),
    NIBBLE(0x8F2261D3u, 0x1BA8B557u, 0x37516AAEu, 0x6EA2D55Cu),
    NIBBLE(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u),
    NIBBLE(0xE964B13Du, 0xD725148Bu, 0xABA65FE7u, 0x52A0C93Fu),
    NIBBLE(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u),
    NIBBLE(0x70A27D8Au, 0xE144FB14u, 0xC76580D9u, 0x8B277743u),
    NIBBLE(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u),
    NIBBLE(0x3FC5F181u, 0x7F8BE302u, 0xFF17C604u, 0xFBC3FAF9u),
    NIBBLE(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu),
    NIBBLE(0x105EC76Fu, 0x20BD8EDEu, 0x417B1DBCu, 0x82F63B78u),
};

static uint64_t load64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static uint32_t crc_table(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v = load64(p) ^ crc;
        crc = 0;
        for (int k = 0; k < 16; k++) crc ^= table[k][v >> (4 * k) & 15];
    }
    for (; n; p++, n--) {
        crc ^= *p;
        crc = crc >> 8 ^ table[14][crc & 15] ^ table[15][crc >> 4 & 15];
    }
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t crc, const unsigned char *p,
                                                               size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        wide = _mm_crc32_u64(wide, v);
    }
    crc = (uint32_t)wide;
    for (; n; p++, n--) crc = _mm_crc32_u8(crc, *p);
    return crc;
}
#endif

/* The portable way alone, so that tests can compare the two. */
uint32_t mb__crc32c_table(uint32_t crc, const void *data, size_t n)
{
    return ~crc_table(~crc, data, n);
}

uint32_t mb_crc32c(uint32_t crc, const void *data, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc_hardware(~crc, data, n);
#endif
    return mb__crc32c_table(crc, data, n);
}
