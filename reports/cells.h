/*
 * Maps of pageblocks, packed: neighbours are mostly alike.
 *
 * The one question everybody asks: *how do I read block_map_view.cells?* Again and again a number
 * of equal cells (LEB128: seven bits a byte, lowest first, the high bit says that more follow;
 * never 0), then the four bytes of that cell: unmovable, movable, reclaimable, type_pinned
 * (sim/sink.h).
 */
#ifndef REPORTS_CELLS_H
#define REPORTS_CELLS_H

#include "lib/types.h"
#include "sim/sink.h"

#define CELL_PACKED_MAX (1 + sizeof(struct sink_cell)) /* bytes that one cell may need */

/* Returns the bytes written; `packed` has room for n * CELL_PACKED_MAX. */
size_t cells_pack(const struct sink_cell *cells, size_t n, u8 *packed);
/* False unless `packed` holds exactly n cells. */
bool cells_unpack(const u8 *packed, size_t bytes, struct sink_cell *cells, size_t n);

/*
 * block_moves_view.cells in the same manner: a number of equal cells, the pages moved out of each
 * since the run began, and those moved into each, all three as LEB128.
 */
#define MOVES_PACKED_MAX 15

size_t moves_pack(const struct sink_moves *moves, size_t n, u8 *packed);
/* False unless `packed` holds exactly n cells. */
bool moves_unpack(const u8 *packed, size_t bytes, struct sink_moves *moves, size_t n);

#endif
