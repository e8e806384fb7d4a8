/*
 * Films of the memory map: what lives where, which type each pageblock has, who keeps it (at the end of the
 * run), what compaction moved. Pointer or arrow keys read a block; the entries of the legend of holders say
 * how much each keeps, and pick one out.
 */
(function () {
	const {make, json, show, root, films} = kmemsim;
	const TYPES = ['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic'];
	const NO_TYPE = 7;
	const blockBytes = 2 << 20, blockPages = 512;
	const HOLDERS = ['s1', 's2', 's3', 's4', 's5', 's6', 's7'];

	/* ---- What the page carries ---- */

	/* LEB128, of any size. */
	function* numbers(text) {
		let value = 0, unit = 1;
		for (let i = 0; i < text.length; i++) {
			const byte = text.charCodeAt(i);
			value += (byte & 127) * unit;
			unit *= 128;
			if (byte & 128)
				continue;
			yield value;
			value = 0;
			unit = 1;
		}
	}

	/* Runs of cells, each a LEB128 count and four bytes; each frame XORed with the one before. */
	function unpack(map) {
		const text = atob(map.cells), nr = map.t.length * map.nr_cells;
		const cells = new Uint8Array(4 * nr);
		let at = 0, out = 0;
		while (at < text.length) {
			let run = 0, shift = 0, byte;
			do {
				byte = text.charCodeAt(at++);
				run |= (byte & 127) << shift;
				shift += 7;
			} while (byte & 128);
			for (; run > 0; run--)
				for (let k = 0; k < 4; k++)
					cells[out++] = text.charCodeAt(at + k);
			at += 4;
		}
		for (let i = 4 * map.nr_cells; i < cells.length; i++)
			cells[i] ^= cells[i - 4 * map.nr_cells];
		return cells;
	}

	/* Runs of (count, from, to), each frame less the one before, modulo 2^32. */
	function unpackMoves(map) {
		const moved = new Uint32Array(2 * map.t.length * map.nr_cells), all = numbers(atob(map.moves));
		let out = 0;
		for (let run = all.next(); !run.done; run = all.next()) {
			const from = all.next().value, to = all.next().value;
			for (let i = 0; i < run.value; i++) {
				moved[out++] = from;
				moved[out++] = to;
			}
		}
		for (let i = 2 * map.nr_cells; i < moved.length; i++)
			moved[i] += moved[i - 2 * map.nr_cells];
		return moved;
	}

	/* By cell. */
	const unpackKept = map => new Map(map.kept.map(([cell, holder, blocks, pages, unmovable, movable, free, ns]) =>
		[cell, {holder, blocks, pages, unmovable, movable, free, ns}]));

	/* Reads one cell: parts of 255, the type, how many of 31 are pinned. */
	const cellAt = (map, frame, i) => {
		const o = 4 * (frame * map.nr_cells + i), c = map.data;
		return {unmovable: c[o], movable: c[o + 1], reclaimable: c[o + 2], type: c[o + 3] & 7,
			pinned: c[o + 3] >> 3, used: c[o] + c[o + 1] + c[o + 2]};
	};
	const movesAt = (map, frame, i) => {
		const o = 2 * (frame * map.nr_cells + i);
		return map.moved ? {from: map.moved[o], to: map.moved[o + 1]} : {from: 0, to: 0};
	};
	const frameAt = (map, t) => {
		let i = 0;
		while (i + 1 < map.t.length && map.t[i + 1] <= t)
			i++;
		return i;
	};
	const most = map => map.moved ? map.moved.subarray(-2 * map.nr_cells).reduce((a, n) => Math.max(a, n), 0) : 0;
	const holderName = (data, h) => h < data.holders.length ? data.holders[h] : data.other_holders + ' others';

	/* ---- Colours: [colour, strength] of a cell, null for one that was never used ---- */

	function colours() {
		const style = getComputedStyle(root), get = n => style.getPropertyValue('--' + n).trim();
		return {Unmovable: get('unmovable'), Movable: get('movable'), Reclaimable: get('reclaimable'),
			HighAtomic: get('s5'), free: get('use4'), used: get('use3'), from: get('s1'), to: get('s2'),
			holders: HOLDERS.map(get), other: get('axis'), grid: get('grid'), ink: get('ink'), soft: get('soft')};
	}

	const strength = c => 0.28 + 0.72 * c.used / 255;
	const quiet = (c, colour) => c.used ? [colour.used, 0.2 + 0.4 * c.used / 255] :
		c.type === NO_TYPE ? null : [colour.free, 1];

	const fills = {
		lives(c, colour) {
			if (!c.used)
				return c.type === NO_TYPE ? null : [colour.free, 1];
			if (c.movable >= c.unmovable && c.movable >= c.reclaimable)
				return [colour.Movable, strength(c)];
			return [c.unmovable >= c.reclaimable ? colour.Unmovable : colour.Reclaimable, strength(c)];
		},
		type: (c, colour) => c.type === NO_TYPE ? null :
			[colour[TYPES[c.type]] || colour.soft, c.used ? strength(c) : 0.14],
		share: (c, colour) => c.used ? [colour.ink, strength(c)] : fills.lives(c, colour),
		blame(c, colour, map, frame, i) {
			const k = map.keeps && map.keeps.get(i);
			if (!k)
				return quiet(c, colour);
			return [colour.holders[k.holder] || colour.other, map.picked < 0 || map.picked === k.holder ? 1 : 0.15];
		},
		moves: quiet,
	};

	/* ---- Where a cell lies ---- */

	const LABEL = 17;

	/*
	 * Zone after zone, rows of `cols` cells, the same for every stack. Below the last row that anybody ever
	 * used there is nothing to see.
	 */
	function grid(maps) {
		const zones = maps[0].zones.map((z, i) => Math.max(1, ...maps.map(m => m.zones[i] ? m.zones[i].touched : 0)));
		const all = zones.reduce((a, n) => a + n, 0);
		const cols = all > 2048 ? 128 : all > 512 ? 64 : 32;
		return {cols, rows: zones.map(n => Math.ceil(n / cols))};
	}

	function layout(map, width) {
		const {cols, rows} = map.grid, size = width / cols;
		let y = 0, first = 0;
		const zones = map.zones.map((z, i) => {
			const nr = Math.ceil(z.blocks / z.per);
			const zone = {z, first, nr, shown: Math.min(nr, cols * (rows[i] || 1)), y: y + LABEL};
			y += LABEL + Math.ceil(zone.shown / cols) * size + 5;
			first += nr;
			return zone;
		});
		return {cols, size, zones, height: Math.ceil(y)};
	}

	/* Steps over what is not shown: a place among the shown cells to one of the frame, and back. */
	const shownCells = map => map.layout.zones.flatMap(z => Array.from({length: z.shown}, (_, i) => z.first + i));

	function cellUnder(map, x, y) {
		const l = map.layout;
		for (const zone of l ? l.zones : []) {
			const i = Math.floor((y - zone.y) / l.size) * l.cols + Math.floor(x / l.size);
			if (y < zone.y || x < 0 || x >= l.cols * l.size || i >= zone.shown)
				continue;
			if (y < zone.y + Math.ceil(zone.shown / l.cols) * l.size)
				return zone.first + i;
		}
		return -1;
	}

	/* ---- Painting ---- */

	function paintZoneName(g, zone, colour) {
		const rest = (zone.nr - zone.shown) * zone.z.per * blockBytes;
		g.globalAlpha = 1;
		g.fillStyle = colour.soft;
		g.font = '11px sans-serif';
		g.fillText('node ' + zone.z.node + ', ' + zone.z.zone + (rest ? ' (' + show.bytes(rest) +
			' after these never used)' : ''), 0, zone.y - 5);
	}

	/* Left half: moved out of here; right half: moved in. */
	function paintMoves(g, map, moved, x, y, size, colour) {
		[[moved.from, colour.from, 0], [moved.to, colour.to, size / 2]].forEach(([n, hue, dx]) => {
			if (!n)
				return;
			g.globalAlpha = 0.3 + 0.7 * Math.log1p(n) / Math.log1p(map.most);
			g.fillStyle = hue;
			g.fillRect(x + dx, y, size / 2, size);
		});
	}

	function paintCell(g, map, frame, cell, x, y, size, mode, colour) {
		const c = cellAt(map, frame, cell), at = fills[mode](c, colour, map, frame, cell);
		g.globalAlpha = at ? at[1] : 0.7;
		g.fillStyle = at ? at[0] : colour.grid;
		g.fillRect(x, y, size, at ? size : 1);
		if (mode === 'moves')
			paintMoves(g, map, movesAt(map, frame, cell), x, y, size, colour);
		if (c.pinned && (mode === 'lives' || mode === 'type')) {
			g.globalAlpha = 0.35 + 0.65 * c.pinned / 31;
			g.fillStyle = colour.ink;
			g.fillRect(x + size * 0.55, y + size * 0.55, size * 0.32, size * 0.32);
		}
		if (cell === map.cursor) {
			g.globalAlpha = 1;
			g.strokeStyle = colour.ink;
			g.lineWidth = 2;
			g.strokeRect(x - 1, y - 1, size + 2, size + 2);
		}
	}

	/* What a map says beside its name. */
	function note(map, frame, mode) {
		let pinned = 0, free = 0, blocks = 0, kept = 0, moved = 0;
		for (const zone of map.layout.zones) {
			for (let i = 0; i < zone.nr; i++) {
				const c = cellAt(map, frame, zone.first + i), n = Math.min(zone.z.per, zone.z.blocks - i * zone.z.per);
				const k = map.keeps && map.keeps.get(zone.first + i);
				blocks += n;
				pinned += Math.round(c.pinned * n / 31);
				free += c.used ? 0 : n;
				kept += k ? k.blocks : 0;
				moved += movesAt(map, frame, zone.first + i).from;
			}
		}
		if (mode === 'blame')
			return show.count(kept) + ' of ' + show.count(blocks) + ' blocks kept from being free, at the end';
		if (mode === 'moves')
			return show.count(moved) + ' pages moved';
		return show.count(pinned) + ' of ' + show.count(blocks) + ' blocks pinned' +
			(map.zones.some(z => z.per > 1) ? ' (about)' : ', ' + show.count(free) + ' free');
	}

	function paintMap(map, t, mode) {
		const canvas = map.canvas, width = canvas.clientWidth || 330, ratio = devicePixelRatio || 1;
		const l = map.layout = layout(map, width), colour = colours();
		/* The self-test looks at what was painted. */
		const g = canvas.getContext('2d', {willReadFrequently: location.hash === '#selftest'});
		const frame = frameAt(map, t), gap = l.size > 4 ? 1 : 0.4;
		canvas.width = width * ratio;
		canvas.height = l.height * ratio;
		canvas.style.height = l.height + 'px';
		g.scale(ratio, ratio);
		for (const zone of l.zones) {
			paintZoneName(g, zone, colour);
			for (let i = 0; i < zone.shown; i++)
				paintCell(g, map, frame, zone.first + i, i % l.cols * l.size,
					zone.y + Math.floor(i / l.cols) * l.size, l.size - gap, mode, colour);
		}
		map.note.textContent = note(map, frame, mode);
	}

	/* ---- In words ---- */

	const percent = v => (100 * v / 255).toFixed(v && v < 26 ? 1 : 0) + ' %';

	function keepsText(data, k, per) {
		return '; kept by ' + holderName(data, k.holder) + ' with ' + show.count(k.pages) + ' of ' +
			show.count(k.unmovable) + ' pages that cannot move (' + show.count(k.movable) + ' movable, ' +
			show.count(k.free) + ' free), for ' + show.ns(k.ns) +
			(per > 1 ? ' (' + show.count(k.blocks) + ' of ' + per + ' blocks)' : '');
	}

	function describe(data, map, t, mode, cell) {
		const zone = map.layout.zones.find(z => cell >= z.first && cell < z.first + z.nr);
		if (!zone)
			return '';
		const frame = frameAt(map, t), c = cellAt(map, frame, cell), moved = movesAt(map, frame, cell);
		const k = map.keeps && frame === map.t.length - 1 ? map.keeps.get(cell) : null;
		const pfn = zone.z.pfn + (cell - zone.first) * zone.z.per * blockPages;
		return map.stack + ', node ' + zone.z.node + ' ' + zone.z.zone + ', pfn 0x' + pfn.toString(16) +
			', ' + show.bytes(zone.z.per * blockBytes) + ': ' + percent(c.used) + ' in use (unmovable ' +
			percent(c.unmovable) + ', movable ' + percent(c.movable) + ', reclaimable ' +
			percent(c.reclaimable) + '); pageblock type ' + (TYPES[c.type] || 'none') +
			(c.pinned ? '; pinned' : '') + (k ? keepsText(data, k, zone.z.per) : mode === 'blame' ? '; kept by nobody' : '') +
			(moved.from || moved.to ? '; compaction moved ' + show.count(moved.from) + ' pages out, ' +
				show.count(moved.to) + ' in' : mode === 'moves' ? '; compaction moved nothing here' : '');
	}

	/* How much a holder keeps, under each stack. */
	const holderText = (data, h) => holderName(data, h) + ' keeps ' + data.maps.map(m => {
		const cells = [...(m.keeps || new Map()).values()].filter(k => Math.min(k.holder, data.holders.length) === h);
		const blocks = cells.reduce((a, k) => a + k.blocks, 0), pages = cells.reduce((a, k) => a + k.pages, 0);
		return blocks ? show.count(blocks) + ' block' + (blocks > 1 ? 's' : '') + ' (' + show.bytes(blocks * blockBytes) +
			') with ' + show.count(pages) + ' pages, the longest for ' +
			show.ns(cells.reduce((a, k) => Math.max(a, k.ns), 0)) + ' under ' + m.stack : 'nothing under ' + m.stack;
	}).join('; ') + '.';

	/* ---- The legends ---- */

	const key = (colour, text) => {
		const k = make('i', {className: 'key'});
		k.style.background = 'var(--' + colour + ')';
		return make('span', {className: 'entry'}, k, text);
	};

	function movesLegend() {
		return make('p', {className: 'legend moves'}, key('s1', 'left half: pages moved out of here, since the start'),
			key('s2', 'right half: moved in'), key('use3', 'in use'), key('use4', 'free again'));
	}

	/* Holders as buttons: pointed at, they say what they keep; pressed, they alone keep their colour. */
	function blameLegend(data, tip, repaint) {
		const nr = Math.min(data.holders.length, HOLDERS.length);
		const list = make('p', {className: 'legend blame'}), buttons = [];
		const pick = h => {
			const on = data.maps[0].picked !== h;
			data.maps.forEach(m => { m.picked = on ? h : -1; });
			buttons.forEach((b, i) => b.setAttribute('aria-pressed', String(on && i === h)));
			repaint();
		};
		for (let h = 0; h < nr; h++) {
			const entry = key(HOLDERS[h], data.holders[h]);
			const button = make('button', {type: 'button', className: 'holder', 'aria-pressed': 'false'}, entry);
			const say = () => { tip.textContent = holderText(data, h); };
			button.addEventListener('pointerenter', say);
			button.addEventListener('focus', say);
			button.addEventListener('click', () => { pick(h); say(); });
			buttons.push(button);
			list.append(button);
		}
		if (data.holders.length + data.other_holders > nr)
			list.append(key('axis', data.holders.length + data.other_holders - nr + ' others'));
		list.append(key('use3', 'in use'), key('use4', 'free again'));
		list.pick = pick;
		return list;
	}

	/* ---- A film ---- */

	/* Pointer and arrow keys: what is under them, in words. */
	function readable(data, map, tip, now, mode, paint, pick) {
		const say = (cell, live) => {
			tip.setAttribute('aria-live', live);
			tip.textContent = cell < 0 ? '' : describe(data, map, now(), mode(), cell);
		};
		const under = e => {
			const r = map.canvas.getBoundingClientRect();
			return cellUnder(map, e.clientX - r.left, e.clientY - r.top);
		};
		map.canvas.addEventListener('pointermove', e => say(under(e), 'off'));
		map.canvas.addEventListener('pointerdown', e => say(under(e), 'off'));
		map.canvas.addEventListener('click', e => {
			const k = mode() === 'blame' && map.keeps && map.keeps.get(under(e));
			if (k && k.holder < HOLDERS.length)
				pick(k.holder);
		});
		map.canvas.addEventListener('blur', () => { map.cursor = -1; paint(); });
		map.canvas.addEventListener('keydown', e => {
			const cells = shownCells(map), cols = map.layout.cols, at = cells.indexOf(map.cursor);
			const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cols, ArrowDown: cols, Home: -cells.length,
				End: cells.length}[e.key];
			if (!step)
				return;
			e.preventDefault();
			map.cursor = cells[at < 0 ? 0 : Math.min(Math.max(at + step, 0), cells.length - 1)];
			paint();
			say(map.cursor, 'polite');
		});
	}

	function modeSelect(maps) {
		return make('select', {'aria-label': 'colours'},
			make('option', {value: 'lives'}, 'colour: mobility of what lives there'),
			...maps.some(m => m.kept) ? [make('option', {value: 'blame'}, 'colour: blame, who keeps it')] : [],
			...maps.some(m => m.moves) ? [make('option', {value: 'moves'}, 'colour: moves by compaction')] : [],
			make('option', {value: 'type'}, 'colour: pageblock type'),
			make('option', {value: 'share'}, 'colour: share in use'));
	}

	function addMap(data, m, shape, list) {
		m.data = unpack(m);
		m.moved = m.moves ? unpackMoves(m) : null;
		m.keeps = m.kept ? unpackKept(m) : null;
		m.picked = m.cursor = -1;
		m.grid = shape;
		m.canvas = make('canvas', {role: 'application', tabIndex: 0,
			'aria-label': 'memory map of ' + m.stack + ': arrow keys read its blocks'});
		m.note = make('span', {className: 'sub how'});
		const swatch = make('i', {className: 'key'});
		swatch.style.background = m.colour;
		list.append(make('div', {className: 'map'}, swatch, make('b', {textContent: m.stack}), ' ', m.note, m.canvas));
	}

	function film(box) {
		const data = json(box.dataset.film), maps = data.maps;
		const longest = maps.reduce((a, m) => m.t.length > a.t.length ? m : a, maps[0]);
		const play = make('button', {type: 'button'}, 'Play');
		const slider = make('input', {type: 'range', min: 0, max: longest.t.length - 1, value: longest.t.length - 1,
			step: 1, 'aria-label': 'simulated time'});
		const time = make('output'), mode = modeSelect(maps);
		const tip = make('p', {className: 'tip', 'aria-live': 'off'}, 'Point at a block to read it.');
		const list = make('div', {className: 'maps'});
		const state = {box, data, slider, play, mode, timer: 0, paint, frames: longest.t.length};
		/* Who keeps what is known of the end. */
		const ended = () => mode.value === 'blame';
		const now = () => ended() ? Infinity : longest.t[+slider.value], shape = grid(maps);
		const lives = box.querySelector('.legend'), blame = blameLegend(data, tip, paint), moves = movesLegend();
		const how = box.querySelector('.how');

		maps.forEach(m => addMap(data, m, shape, list));
		maps.forEach(m => { m.most = Math.max(1, ...maps.map(most)); });
		maps.forEach(m => readable(data, m, tip, now, () => mode.value, paint, blame.pick));
		function paint() {
			time.textContent = ended() ? 'the end' : show.ns(now());
			slider.setAttribute('aria-valuetext', time.textContent);
			slider.disabled = play.disabled = ended();
			lives.hidden = mode.value === 'blame' || mode.value === 'moves';
			blame.hidden = mode.value !== 'blame';
			moves.hidden = mode.value !== 'moves';
			maps.forEach(m => paintMap(m, now(), mode.value));
		}
		function step(n) {
			slider.value = (+slider.value + n + state.frames) % state.frames;
			paint();
		}
		function stop() {
			clearInterval(state.timer);
			state.timer = 0;
			play.textContent = 'Play';
		}
		function toggle() {
			if (state.timer)
				return stop();
			if (+slider.value === state.frames - 1)
				slider.value = 0;
			play.textContent = 'Pause';
			paint();
			state.timer = setInterval(() => {
				step(1);
				if (+slider.value === state.frames - 1)
					stop();
			}, 160);
		}
		play.addEventListener('click', toggle);
		slider.addEventListener('input', () => { stop(); paint(); });
		mode.addEventListener('change', () => {
			if (ended())
				stop();
			paint();
		});
		box.tabIndex = 0;
		box.setAttribute('role', 'group');
		box.setAttribute('aria-label', 'film of the memory map: space plays it, arrows step');
		box.addEventListener('keydown', e => {
			if (e.target !== box || ended())
				return;
			const n = {ArrowLeft: -1, ArrowRight: 1}[e.key];
			if (e.key !== ' ' && !n)
				return;
			e.preventDefault();
			n ? (stop(), step(n)) : toggle();
		});
		box.replaceChildren(lives, blame, moves, how,
			make('div', {className: 'bar'}, play, slider, time, mode), list, tip);
		window.addEventListener('resize', paint);
		films.push(state);
		paint();
	}

	Object.assign(kmemsim, {film, numbers});
})();
