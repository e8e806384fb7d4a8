/*
 * Events in text: from "kmalloc: call_site=... ptr=..." to a raw event.
 */
#include "traces/text_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "traces/gfp.h"
#include "traces/text_input.h"
#include "traces/text_value.h"

#define F_PAGE NR_FIELDS       /* page=: tells a failed allocation from frame 0 */
#define NO_PAGE (2U << F_PAGE) /* beside the bits of the uses: page= is null */

enum field_form {
	FORM_POINTER,
	FORM_NUMBER,
	FORM_NODE,
	FORM_GFP,
	FORM_SITE,
	FORM_NAME,
	FORM_REASON,
	FORM_PAGE
};

/* The uses, in the order most kernels print them, and their usual form. */
static const struct {
	u8 use, form;
	bool required;
} uses[] = {
	{F_SITE, FORM_SITE, false},  {F_PTR, FORM_POINTER, true},  {F_NAME, FORM_NAME, false},
	{F_SIZE, FORM_NUMBER, true}, {F_ALLOC, FORM_NUMBER, true}, {F_ORDER, FORM_NUMBER, true},
	{F_GFP, FORM_GFP, true},     {F_NODE, FORM_NODE, false},
};

/* Whose frame, or what stands in its place, is a number. */
static bool is_page(u8 type)
{
	return type == RAW_PAGE_ALLOC || type == RAW_PAGE_FREE || type == RAW_PAGE_BATCHED ||
	       raw_is_counted((enum raw_type)type);
}

static void add_field(struct text_kind *k, const char *key, u8 use, u8 form)
{
	struct text_field *f = &k->fields[k->nr_fields++];
	char text[TEXT_KEY_WORDS * 8 + 1] = {0};

	*f = (struct text_field){.key = key, .use = use, .form = form};
	f->len = (u32)snprintf(text, sizeof(text), "%s=", key);
	ASSERT(f->len < sizeof(text));
	for (u32 i = 0; i < TEXT_KEY_WORDS; i++) {
		f->word[i] = text_load8(text + 8 * i);
		for (u32 b = 0; b < 8 && 8 * i + b < f->len; b++)
			f->mask[i] |= 0xffULL << 8 * b;
	}
}

static void kind_init(struct text_kind *k, const struct event_kind *kind)
{
	k->kind = kind;
	if (kind->type == RAW_MARK)
		return;
	if (kind->type == RAW_PAGE_ALLOC)
		add_field(k, "page", F_PAGE, FORM_PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		u8 use = uses[i].use, form = uses[i].form;

		if (!kind->fields[use])
			continue;
		if (use == F_PTR && is_page(kind->type))
			form = FORM_NUMBER;
		if (use == F_ORDER && !is_page(kind->type))
			form = FORM_REASON;
		add_field(k, kind->fields[use], use, form);
		/* What is only counted is counted as far as it tells. */
		if (uses[i].required && !raw_is_counted((enum raw_type)kind->type))
			k->required |= 1U << use;
	}
}

void text_events_init(struct text_events *te, struct raw_sink *sink, const char *path)
{
	*te = (struct text_events){.sink = sink, .path = path};
	for (int i = 0; i < NR_EVENT_KINDS; i++)
		kind_init(&te->kinds[i], &event_kinds[i]);
	text_words_init(&te->names);
	text_words_init(&te->sites);
	text_words_init(&te->gfps);
	text_words_init(&te->caches);
}

void text_events_free(struct text_events *te)
{
	text_words_free(&te->names);
	free(te->events);
	text_words_free(&te->sites);
	text_words_free(&te->gfps);
	text_words_free(&te->caches);
}

/* FILE:LINE:COLUMN: EVENT: what is wrong there. */
static int bad(const struct text_events *te, const struct text_event *ev, const char *at,
	       const char *what, struct err *e)
{
	return err_set(e, "%s:%llu:%zu: %.*s: %s", te->path, (unsigned long long)te->line,
		       (size_t)(at - ev->line) + 1, (int)min(ev->name_len, 64U), ev->name, what);
}

static int bad_value(const struct text_events *te, const struct text_event *ev,
		     const struct text_field *f, const char *value, const char *what, struct err *e)
{
	char text[640];

	snprintf(text, sizeof(text), "%s=%.*s: %s", f->key,
		 (int)min(strcspn(value, " \n"), (size_t)40), value, what);
	return bad(te, ev, value, text, e);
}

#define HASHED                                                                                     \
	"a hashed pointer, no address. Record with trace-cmd, whose reports hold addresses; or, "  \
	"from Linux 5.12 on, before the trace file is read: echo 0 > "                             \
	"/sys/kernel/tracing/options/hash-ptr; or boot with no_hash_pointers"

static int parse_pointer(struct text_events *te, const struct text_event *ev,
			 const struct text_field *f, const char **p, u64 *ptr, struct err *e)
{
	const char *value = *p;

	switch (text_pointer(p, ptr)) {
	case TEXT_POINTER_HASHED:
		return bad_value(te, ev, f, value + strspn(value, " "), HASHED, e);
	case TEXT_POINTER_BAD:
		return bad_value(te, ev, f, value, "no pointer", e);
	default:
		return 0;
	}
}

/* "sym+0x1c/0x80 [module]", "sym+0x1c", "0xffffffff8112ab00", "ffffffff8112ab00" -> the number of
 * "sym+0x1c" or "0xffffffff8112ab00". */
static u32 new_site(struct text_events *te, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len), *at = text;
	char name[256];
	u64 addr;

	if (text_pointer(&at, &addr) != TEXT_POINTER_BAD && at == text + len) {
		if (!addr)
			return 0;
		snprintf(name, sizeof(name), "0x%llx", (unsigned long long)addr);
	} else {
		len = slash ? (size_t)(slash - text) : len;
		snprintf(name, sizeof(name), "%.*s", (int)min(len, sizeof(name) - 1), text);
	}
	return raw_sink_site(te->sink, name);
}

static u32 parse_site(struct text_events *te, const struct text_event *ev, const char **p)
{
	const char *text = *p, *start = ev->body, *close;
	size_t len;
	bool fresh;
	u32 *at;

	*p = text_word_end(text);
	len = (size_t)(*p - text);
	/* perf knows the symbol, but prints it before an address: "(sym+0x1c)
	 * call_site=ffffffff.." */
	if (*start == '(' && len && (*text == 'f' || *text == '0') &&
	    (close = memchr(start, ')', (size_t)(text - start)))) {
		text = start + 1;
		len = (size_t)(close - text);
	}
	at = text_words_value(&te->sites, text, len, &fresh);
	if (fresh)
		*at = new_site(te, text, len);
	return *at;
}

/* "GFP_KERNEL|__GFP_ZERO", "GFP_KERNEL|0x100", "0xcc0", "(none)", "". False: at *p is neither. */
static bool read_gfp(const char **p, u32 *gfp)
{
	const char *name;
	u32 bits;
	u64 v;

	*gfp = 0;
	if (**p == ' ' || **p == '\n')
		return true;
	for (;; ++*p) {
		name = *p;
		if (*name >= '0' && *name <= '9') {
			if (!text_number(p, &v))
				return false;
			*gfp |= (u32)v;
		} else {
			while (**p != '|' && **p != ' ' && **p != '\n')
				++*p;
			if (gfp_name_bits(name, (size_t)(*p - name), &bits))
				*gfp |= bits;
			/* Flags that came later mean nothing to any allocator here. */
			else if (strncmp(name, "none", 4) && strncmp(name, "(none)", 6) &&
				 strncmp(name, "__GFP_", 6) && strncmp(name, "GFP_", 4)) {
				*p = name;
				return false;
			}
		}
		if (**p != '|')
			return true;
	}
}

static int parse_gfp(struct text_events *te, const struct text_event *ev,
		     const struct text_field *f, const char **p, u32 *gfp, struct err *e)
{
	const char *text = *p, *end = text_word_end(text);
	bool fresh;
	u32 *at;

	at = text_words_value(&te->gfps, text, (size_t)(end - text), &fresh);
	if (fresh && (!read_gfp(p, at) || *p != end))
		return bad_value(te, ev, f, text, "no allocation flags", e);
	*p = end;
	*gfp = *at;
	return 0;
}

/* A cache's name: up to the next "key=", as names may hold blanks. */
static void parse_name(struct text_events *te, const char **p, u32 *name)
{
	const char *text = *p, *s = text_word_end(text), *end;
	bool fresh;
	u32 *at;

	for (end = s; *s != '\n' && *s != '='; s++)
		end = *s == ' ' ? s : end;
	if (*s == '\n')
		end = s;
	*p = end;
	while (end > text && end[-1] == ' ')
		end--;
	if (end == text)
		return;
	at = text_words_value(&te->caches, text, (size_t)(end - text), &fresh);
	if (fresh)
		*at = raw_sink_name(te->sink, text, (size_t)(end - text)) + 1;
	*name = *at;
}

static void set_number(struct raw_event *raw, u8 use, u64 v)
{
	switch (use) {
	case F_PTR:
		raw->ptr = v;
		break;
	case F_SIZE:
		raw->size = (u32)v;
		break;
	case F_ALLOC:
		raw->alloc = (u32)v;
		break;
	default:
		raw->order = (u8)min(v, (u64)UINT8_MAX);
	}
}

static int parse_number(struct text_events *te, const struct text_event *ev,
			const struct text_field *f, const char **p, struct raw_event *raw,
			struct err *e)
{
	const char *value = *p;
	u64 v;

	if (!text_number(p, &v) || (f->use != F_PTR && v > UINT32_MAX))
		return bad_value(te, ev, f, value, "no number, or out of range", e);
	set_number(raw, f->use, v);
	return 0;
}

static int parse_node(struct text_events *te, const struct text_event *ev,
		      const struct text_field *f, const char **p, struct raw_event *raw,
		      struct err *e)
{
	const char *value = *p;
	bool minus = *value == '-';
	u64 v;

	*p += minus;
	if (!text_number(p, &v) || v > INT16_MAX)
		return bad_value(te, ev, f, value, "no node", e);
	raw->node = (s16)(minus ? -(int)v : (int)v);
	return 0;
}

/* Of why pages migrate; only compaction's matters. */
static void parse_reason(const char **p, struct raw_event *raw)
{
	static const char compaction[] = "compaction";
	const char *text = *p;
	size_t n;

	*p = text_word_end(text);
	n = (size_t)(*p - text);
	raw->order = (n == sizeof(compaction) - 1 && !memcmp(text, compaction, n)) ||
				     (n == 1 && *text == '0' + MR_COMPACTION)
			     ? MR_COMPACTION
			     : UINT8_MAX;
}

/* Moves *p behind the value. */
static int parse_value(struct text_events *te, const struct text_event *ev,
		       const struct text_field *f, const char **p, struct raw_event *raw,
		       u32 *found, struct err *e)
{
	u64 page;

	switch ((enum field_form)f->form) {
	case FORM_POINTER:
		return parse_pointer(te, ev, f, p, &raw->ptr, e);
	case FORM_NUMBER:
		return parse_number(te, ev, f, p, raw, e);
	case FORM_NODE:
		return parse_node(te, ev, f, p, raw, e);
	case FORM_GFP:
		return parse_gfp(te, ev, f, p, &raw->gfp, e);
	case FORM_SITE:
		raw->site = parse_site(te, ev, p);
		return 0;
	case FORM_NAME:
		parse_name(te, p, &raw->name);
		return 0;
	case FORM_REASON:
		parse_reason(p, raw);
		return 0;
	default: /* FORM_PAGE: hashed or computed wrongly; whether there is one is all it tells */
		if (text_pointer(p, &page) == TEXT_POINTER && !page)
			*found |= NO_PAGE;
		return 0;
	}
}

/* The field whose "key=" stands at p. They come in the order of the table as a rule: the next one
 * is tried first. */
static const struct text_field *find_field(const struct text_kind *k, const char *p, u32 *next)
{
	u64 a = text_load8(p), b = text_load8(p + 8), c = text_load8(p + 16);

	for (u32 i = 0; i < k->nr_fields; i++) {
		u32 at = *next + i < k->nr_fields ? *next + i : *next + i - k->nr_fields;
		const struct text_field *f = &k->fields[at];

		if (((a ^ f->word[0]) & f->mask[0]) | ((b ^ f->word[1]) & f->mask[1]) |
		    ((c ^ f->word[2]) & f->mask[2]))
			continue;
		*next = at + 1 < k->nr_fields ? at + 1 : 0;
		return f;
	}
	return NULL;
}

static int check_found(struct text_events *te, const struct text_event *ev,
		       const struct text_kind *k, u32 found, struct err *e)
{
	char text[96];

	for (u32 i = 0; i < k->nr_fields; i++) {
		u32 bit = 1U << k->fields[i].use;

		if (!(k->required & bit) || found & bit)
			continue;
		snprintf(text, sizeof(text), "its field '%s' is missing", k->fields[i].key);
		return bad(te, ev, ev->end, text, e);
	}
	return 0;
}

static int parse_fields(struct text_events *te, const struct text_event *ev,
			const struct text_kind *k, struct raw_event *raw, struct err *e)
{
	const char *p = ev->body;
	u32 next = 0, found = 0;

	for (; p < ev->end; p++) {
		const struct text_field *f = find_field(k, p, &next);

		if (f) {
			p += f->len;
			if (parse_value(te, ev, f, &p, raw, &found, e))
				return -1;
			if (*p != ' ' && *p != '\n' && *p != ',')
				return bad_value(te, ev, f, p, "this does not belong there", e);
			found |= 1U << f->use;
		}
		p = text_word_end(p); /* what no field of ours is: a blank, a word, another field */
	}
	if (found & NO_PAGE && !raw->ptr)
		raw->ptr = RAW_PFN_NONE;
	return check_found(te, ev, k, found, e);
}

/* "tracing_mark_write: TEXT" of `print`; of the tracefs file only TEXT is left. */
static const char *event_name(const struct text_events *te, u32 i)
{
	const char *name = te->names.names.text[i], *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void parse_mark(struct text_events *te, const struct text_event *ev, struct raw_event *raw)
{
	const char *text = ev->body, *colon;

	if (ev->name_len == strlen("print")) {
		colon = memchr(text, ':', (size_t)(ev->end - text));
		if (colon && !memchr(text, ' ', (size_t)(colon - text)))
			text = colon + 1 + (colon[1] == ' ');
	}
	for (u32 i = 0; i < te->names.names.nr; i++)
		raw_sink_count_so_far(te->sink, event_name(te, i), te->events[i].count);
	raw->ptr = raw_sink_mark(te->sink, text, (size_t)(ev->end - text));
}

static const struct text_kind *find_kind(struct text_events *te, const struct text_event *ev,
					 const char *name, size_t len)
{
	for (int i = 0; i < NR_EVENT_KINDS; i++) {
		const struct event_kind *k = te->kinds[i].kind;

		if (strlen(k->name) == len && !memcmp(k->name, name, len) &&
		    (!ev->system || (strlen(k->system) == ev->system_len &&
				     !memcmp(k->system, ev->system, ev->system_len))))
			return &te->kinds[i];
	}
	return NULL;
}

/* By "name" or "system:name", as the line has it; counted. */
static const struct text_kind *count_event(struct text_events *te, const struct text_event *ev)
{
	static const char print[TEXT_SLACK] = "print";
	const char *name = ev->name, *key = ev->system ? ev->system : name;
	size_t len = ev->name_len;
	bool fresh;
	u32 at;

	/* What a program wrote into trace_marker is an event `print` everywhere else. */
	if (len == strlen("tracing_mark_write") && !memcmp(name, "tracing_mark_write", len)) {
		name = key = print;
		len = strlen(print);
	}
	at = text_words_number(&te->names, key, (size_t)(name + len - key), &fresh);
	if (fresh) {
		if (at == te->events_max)
			MEM_ROOM(te->events, at, te->events_max);
		te->events[at] = (struct text_name){.kind = find_kind(te, ev, name, len)};
	}
	te->events[at].count++;
	return te->events[at].kind;
}

int text_events_add(struct text_events *te, const struct text_event *ev, u64 line, struct err *e)
{
	const struct text_kind *k;
	struct raw_event raw = {
		.t_ns = ev->t_ns,
		.cpu = ev->cpu,
		.pid = ev->pid,
		.flags = ev->flags,
		.node = -1,
	};

	te->line = line;
	k = count_event(te, ev);
	te->free_form = !k || k->kind->type == RAW_MARK;
	if (!k)
		return 0;
	raw.type = k->kind->type;
	if (raw.type == RAW_MARK)
		parse_mark(te, ev, &raw);
	else if (k->nr_fields && parse_fields(te, ev, k, &raw, e))
		return -1;
	return event_adjust(&raw) ? raw_sink_event(te->sink, &raw, e) : 0;
}

void text_events_report(const struct text_events *te)
{
	for (u32 i = 0; i < te->names.names.nr; i++)
		raw_sink_count(te->sink, event_name(te, i), te->events[i].count);
}
