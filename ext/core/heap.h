/* Memory that is taken piece by piece, each at the start of a cache line; from nowhere (NULL), to see how much it is. */
#ifndef MD_HEAP_H
#define MD_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *at;
} hd_heap;

static inline void *take(hd_heap *heap, int64_t n, size_t size)
{
    char *p = heap->at;
    heap->at += ((size_t)n * size + 63) & ~(size_t)63;
    return p;
}

/* Bytes taken since it was at `memory` */
static inline size_t taken(const hd_heap *heap, const void *memory) { return (size_t)(heap->at - (const char *)memory); }

#endif
