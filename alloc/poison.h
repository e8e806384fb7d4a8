/*
 * Bytes that say what memory is (include/linux/poison.h, 6.1).
 *
 * The one question everybody asks: *what does 0x6b6b6b6b mean?* Somebody looked at an object that
 * had been freed, or had not been made yet.
 */
#ifndef ALLOC_POISON_H
#define ALLOC_POISON_H

#define SLUB_RED_INACTIVE 0xbb /* beside a free object */
#define SLUB_RED_ACTIVE 0xcc   /* beside an object in use */
#define POISON_INUSE 0x5a      /* made, not yet written */
#define POISON_FREE 0x6b       /* free */
#define POISON_END 0xa5	       /* the last byte of a free object */

#endif
