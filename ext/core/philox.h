/* Random numbers that belong to (seed, step, atom, stream), not to a place in a queue.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", SC'11, doi:10.1145/2063384.2063405. Counter: step (64 bits), tag
 * (40 bits), stream (24 bits, may carry more of a wide tag); key: seed.
 *
 * For a block of atoms at a time, in short loops: what an atom needs is one long chain of arithmetic, and the processor
 * can only work on several at once if it sees them. */
#ifndef MD_PHILOX_H
#define MD_PHILOX_H

#include <math.h>
#include <stdint.h>

#include "core/simd.h"
#include "core/vmath.h"

enum { NOISE_BLOCK = 64 }; /* atoms */

/* As many words of 32 bits, each in 64, as a register holds. */
#if defined(__AVX512F__)
#define WORD_BYTES 64
#elif defined(__AVX2__)
#define WORD_BYTES 32
#else
#define WORD_BYTES 16
#endif
typedef uint64_t v_words __attribute__((vector_size(WORD_BYTES)));
typedef uint32_t v_halves __attribute__((vector_size(WORD_BYTES / 2)));
enum { WORD_LANES = WORD_BYTES / 8 };

/* Products, 64 bits, of the lower halves. */
MD_INLINE v_words words_times(v_words a, uint64_t factor)
{
    const v_words b = factor - (v_words){0};
#if defined(__AVX512F__)
    return (v_words)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (v_words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (v_words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* What all atoms have in common: the counter but for the tag, and the keys of the ten rounds. */
typedef struct {
    uint64_t step[2], stream, keys[10][2];
} philox_key;

MD_INLINE philox_key philox_for(uint64_t seed, uint64_t step, uint64_t stream)
{
    const uint64_t low = 0xffffffffu;
    philox_key it = {{step & low, step >> 32}, stream, {{seed & low, seed >> 32}}};
    for (int round = 1; round < 10; round++) {
        it.keys[round][0] = (it.keys[round - 1][0] + 0x9e3779b9u) & low;
        it.keys[round][1] = (it.keys[round - 1][1] + 0xbb67ae85u) & low;
    }
    return it;
}

/* words[k][i]: the four of atom i < NOISE_BLOCK, those from n on of no atom. */
MD_INLINE void philox_block(const philox_key *it, const int64_t *tags, int64_t n, uint32_t words[4][NOISE_BLOCK])
{
    int64_t padded[NOISE_BLOCK];
    if (n < NOISE_BLOCK) {
        memset(padded, 0, sizeof padded);
        memcpy(padded, tags, (size_t)n * sizeof *tags);
        tags = padded;
    }
    for (int64_t i = 0; i < n; i += WORD_LANES) {
        v_words tag;
        memcpy(&tag, tags + i, sizeof tag);
        v_words c0 = it->step[0] - (v_words){0}, c1 = it->step[1] - (v_words){0};
        v_words c2 = tag, c3 = (tag >> 32) << 8 ^ it->stream; /* of all four only the lower halves count */
        for (int round = 0; round < 10; round++) {
            const v_words p0 = words_times(c0, 0xd2511f53u), p1 = words_times(c2, 0xcd9e8d57u);
            c0 = (p1 >> 32) ^ c1 ^ it->keys[round][0], c1 = p1;
            c2 = (p0 >> 32) ^ c3 ^ it->keys[round][1], c3 = p0;
        }
        const v_words all[4] = {c0, c1, c2, c3};
        for (int k = 0; k < 4; k++) {
            const v_halves half = __builtin_convertvector(all[k], v_halves);
            memcpy(words[k] + i, &half, sizeof half);
        }
    }
}

/* normals[d][i]: three standard normal numbers of each atom (Box-Muller on two pairs; the fourth is not used). */
MD_INLINE void normals_block(const philox_key *it, const int64_t *tags, int64_t n, double normals[3][NOISE_BLOCK])
{
    uint32_t words[4][NOISE_BLOCK];
    double r[2][NOISE_BLOCK];
    /* 32 bits to (0, 1]: 2^52 + n + 1 built from bits, minus 2^52 */
    const int64_t base = INT64_C(0x4330000000000000), m = (n + 7) & ~INT64_C(7);
    philox_block(it, tags, n, words);
    for (int pair = 0; pair < 2; pair++) {
        MD_SIMD_LOOP
        for (int64_t i = 0; i < m; i++) {
            const double u = (vm_from_bits(base | (int64_t)words[2 * pair][i]) - (0x1p52 - 1.0)) * 0x1p-32;
            r[pair][i] = sqrt(-2.0 * vm_log(u));
        }
    }
    MD_SIMD_LOOP
    for (int64_t i = 0; i < m; i++) {
        double cosine, sine;
        vm_turn((vm_from_bits(base | (int64_t)words[1][i]) - 0x1p52) * 0x1p-32, &cosine, &sine);
        normals[0][i] = r[0][i] * cosine;
        normals[1][i] = r[0][i] * sine;
    }
    MD_SIMD_LOOP
    for (int64_t i = 0; i < m; i++) {
        double cosine, sine;
        vm_turn((vm_from_bits(base | (int64_t)words[3][i]) - 0x1p52) * 0x1p-32, &cosine, &sine);
        normals[2][i] = r[1][i] * cosine;
    }
}

/* The same in single precision, which is plenty for noise that comes anew in each step, in a quarter of the time. Where
 * on its circle a pair is, its word says otherwise (vf_turn). */
MD_INLINE void noise_block(const philox_key *it, const int64_t *tags, int64_t n, float noise[3][NOISE_BLOCK])
{
    uint32_t words[4][NOISE_BLOCK];
    float r[2][NOISE_BLOCK];
    philox_block(it, tags, n, words);
    for (int pair = 0; pair < 2; pair++) {
        MD_SIMD_LOOP
        for (int i = 0; i < NOISE_BLOCK; i++)
            r[pair][i] = __builtin_sqrtf(-2.0f * vf_log(((float)words[2 * pair][i] + 1.0f) * 0x1p-32f));
    }
    MD_SIMD_LOOP
    for (int i = 0; i < NOISE_BLOCK; i++) {
        float cosine, sine;
        vf_turn(words[1][i], &cosine, &sine);
        noise[0][i] = r[0][i] * cosine;
        noise[1][i] = r[0][i] * sine;
    }
    MD_SIMD_LOOP
    for (int i = 0; i < NOISE_BLOCK; i++) {
        float cosine, sine;
        vf_turn(words[3][i], &cosine, &sine);
        noise[2][i] = r[1][i] * cosine;
    }
}

#endif
