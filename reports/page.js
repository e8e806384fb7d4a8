/*
 * The page's script: the switch between light and dark, tables that sort and filter, films of the memory
 * map. Everything it shows comes from <script type="application/json"> in the page; texts are set as text,
 * never as HTML. #selftest runs it through its paces and writes what came of it into the page.
 */
'use strict';
(function () {
	const errors = [];
	window.addEventListener('error', e => errors.push(e.message));
	window.addEventListener('unhandledrejection', e => errors.push(String(e.reason)));

	const make = (tag, attributes, ...children) => {
		const e = document.createElement(tag);
		for (const [k, v] of Object.entries(attributes || {}))
			k in e ? e[k] = v : e.setAttribute(k, v);
		e.append(...children);
		return e;
	};
	const json = id => JSON.parse(document.getElementById(id).textContent);

	/* ---- Numbers for people, as lib/units.h prints them ---- */

	const three = v => v >= 100 ? Math.round(v).toString() : v.toPrecision(3).replace(/\.0*$|(\.\d*?)0+$/, '$1');
	const scaled = (v, base, units) => {
		let a = Math.abs(v), i = 0;
		while (a >= base && i + 1 < units.length) {
			a /= base;
			i++;
		}
		return (v < 0 ? '-' : '') + (i ? three(a) : Math.round(a * 10) / 10) + ' ' + units[i];
	};
	const show = {
		text: v => v,
		bytes: v => scaled(v, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']),
		ns: v => scaled(v, 1000, ['ns', 'us', 'ms', 's']),
		percent: v => v.toFixed(1) + ' %',
		count: v => String(Math.round(v)).replace(/\B(?=(\d{3})+$)/g, ','),
		ratio: v => v.toFixed(3),
	};

	/* ---- Light and dark ---- */

	const root = document.documentElement;
	const films = [];
	const stored = () => { try { return localStorage.getItem('kmemsim-theme'); } catch (e) { return null; } };
	const store = v => { try { localStorage.setItem('kmemsim-theme', v); } catch (e) { /* from disk: not kept */ } };
	const prefersDark = matchMedia('(prefers-color-scheme: dark)');
	const isDark = () => (root.dataset.theme || (prefersDark.matches ? 'dark' : 'light')) === 'dark';

	function theme() {
		const button = make('button', {type: 'button', className: 'theme'});
		const name = () => {
			button.textContent = isDark() ? 'Light' : 'Dark';
			button.setAttribute('aria-label', button.textContent + ' colours');
		};
		const repaint = () => { name(); films.forEach(f => f.paint()); };
		if (['light', 'dark'].includes(stored()))
			root.dataset.theme = stored();
		button.addEventListener('click', () => {
			root.dataset.theme = isDark() ? 'light' : 'dark';
			store(root.dataset.theme);
			repaint();
		});
		prefersDark.addEventListener('change', repaint);
		name();
		document.querySelector('header').prepend(button);
	}

	/* ---- Tables: {columns: [{title, kind, choose}], strings: [...], rows: [[...], ...]} ---- */

	const PAGE = 50;

	function table(box) {
		const data = json(box.dataset.table);
		const columns = data.columns;
		/* Strings are stored once, by number; a missing figure is null. */
		const rows = data.rows.map(r => r.map((v, i) => columns[i].kind === 'text' ? data.strings[v] : v));
		const state = {by: data.sort, up: false, shown: PAGE, text: '', chosen: {}};
		const body = make('tbody'), count = make('span', {className: 'sub'});
		const more = make('button', {type: 'button'}, 'show more');
		const heads = columns.map((c, i) => {
			const button = make('button', {type: 'button'}, c.title);
			const th = make('th', {scope: 'col', className: c.kind === 'text' ? '' : 'n'}, button);
			button.addEventListener('click', () => {
				state.up = state.by === i ? !state.up : c.kind === 'text';
				state.by = i;
				update();
			});
			return th;
		});
		const search = make('input', {type: 'search', placeholder: 'filter: words', 'aria-label': 'filter'});
		const bar = make('div', {className: 'bar'}, search);

		const compare = (a, b) => {
			const x = a[state.by], y = b[state.by], sign = state.up ? 1 : -1;
			if (x === null || y === null)
				return (x === null) - (y === null);
			return x < y ? -sign : x > y ? sign : 0;
		};
		const keep = row => {
			const words = state.text.toLowerCase().split(/\s+/).filter(w => w);
			const text = row.filter((v, i) => columns[i].kind === 'text').join('\n').toLowerCase();
			return Object.entries(state.chosen).every(([i, v]) => v === '' || row[i] === v) &&
				words.every(w => text.includes(w));
		};
		const cell = (v, c) => {
			if (c.kind === 'text')
				return make('td', {}, c.choose ? v : make('code', {textContent: v}));
			return make('td', {className: 'n', textContent: v === null ? '–' : show[c.kind](v)});
		};
		function update() {
			const kept = rows.filter(keep).sort(compare);
			body.replaceChildren(...kept.slice(0, state.shown).map(r =>
				make('tr', {}, ...r.map((v, i) => cell(v, columns[i])))));
			heads.forEach((th, i) => i === state.by ?
				th.setAttribute('aria-sort', state.up ? 'ascending' : 'descending') :
				th.removeAttribute('aria-sort'));
			count.textContent = kept.length + ' of ' + rows.length + ' rows';
			more.hidden = kept.length <= state.shown;
			box.kept = kept;
		}
		columns.forEach((c, i) => {
			const values = [...new Set(rows.map(r => r[i]))];
			if (!c.choose || values.length < 2)
				return;
			const select = make('select', {'aria-label': c.title},
				make('option', {value: '', textContent: 'every ' + c.title}),
				...values.map(v => make('option', {value: v, textContent: v})));
			select.addEventListener('change', () => {
				state.chosen[i] = select.value;
				state.shown = PAGE;
				update();
			});
			bar.append(select);
		});
		search.addEventListener('input', () => {
			state.text = search.value;
			state.shown = PAGE;
			update();
		});
		more.addEventListener('click', () => {
			state.shown += 10 * PAGE;
			update();
		});
		bar.append(count);
		box.replaceChildren(bar, make('div', {className: 'scroll'},
			make('table', {}, make('thead', {}, make('tr', {}, ...heads)), body)), more);
		update();
	}

	/* ---- Films of the memory map ---- */

	const TYPES = ['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic'];
	const NO_TYPE = 7;
	const blockBytes = 2 << 20;

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

	/* Reads one cell: parts of 255, the type, how many of 31 are pinned. */
	const cellAt = (map, frame, i) => {
		const o = 4 * (frame * map.nr_cells + i), c = map.data;
		return {unmovable: c[o], movable: c[o + 1], reclaimable: c[o + 2], type: c[o + 3] & 7,
			pinned: c[o + 3] >> 3, used: c[o] + c[o + 1] + c[o + 2]};
	};
	const frameAt = (map, t) => {
		let i = 0;
		while (i + 1 < map.t.length && map.t[i + 1] <= t)
			i++;
		return i;
	};

	function colours() {
		const style = getComputedStyle(root), get = n => style.getPropertyValue('--' + n).trim();
		return {Unmovable: get('unmovable'), Movable: get('movable'), Reclaimable: get('reclaimable'),
			HighAtomic: get('s5'), free: get('use4'), grid: get('grid'), ink: get('ink'), soft: get('soft'),
			paper: get('paper')};
	}

	/* What the cell is filled with, and how strongly. */
	function fill(c, mode, colour) {
		const share = 0.28 + 0.72 * c.used / 255;
		if (mode === 'type')
			return c.type === NO_TYPE ? null : [colour[TYPES[c.type]] || colour.soft, c.used ? share : 0.14];
		if (!c.used)
			return c.type === NO_TYPE ? null : [colour.free, 1];
		if (mode === 'share')
			return [colour.ink, share];
		if (c.movable >= c.unmovable && c.movable >= c.reclaimable)
			return [colour.Movable, share];
		return [c.unmovable >= c.reclaimable ? colour.Unmovable : colour.Reclaimable, share];
	}

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

	function paintMap(map, t, mode) {
		const canvas = map.canvas, width = canvas.clientWidth || 330, ratio = devicePixelRatio || 1;
		const l = map.layout = layout(map, width), colour = colours();
		/* The self-test looks at what was painted. */
		const g = canvas.getContext('2d', {willReadFrequently: location.hash === '#selftest'});
		const frame = frameAt(map, t), gap = l.size > 4 ? 1 : 0.4;
		let pinned = 0, free = 0, blocks = 0;
		canvas.width = width * ratio;
		canvas.height = l.height * ratio;
		canvas.style.height = l.height + 'px';
		g.scale(ratio, ratio);
		for (const zone of l.zones) {
			g.globalAlpha = 1;
			g.fillStyle = colour.soft;
			g.font = '11px sans-serif';
			const rest = (zone.nr - zone.shown) * zone.z.per * blockBytes;
			g.fillText('node ' + zone.z.node + ', ' + zone.z.zone + (rest ? ' (' + show.bytes(rest) +
				' after these never used)' : ''), 0, zone.y - 5);
			for (let i = 0; i < zone.nr; i++) {
				const c = cellAt(map, frame, zone.first + i), at = fill(c, mode, colour);
				const n = Math.min(zone.z.per, zone.z.blocks - i * zone.z.per);
				const x = i % l.cols * l.size, y = zone.y + Math.floor(i / l.cols) * l.size;
				blocks += n;
				pinned += Math.round(c.pinned * n / 31);
				free += c.used ? 0 : n;
				if (i >= zone.shown)
					continue;
				g.globalAlpha = at ? at[1] : 0.7;
				g.fillStyle = at ? at[0] : colour.grid;
				if (at)
					g.fillRect(x, y, l.size - gap, l.size - gap);
				else
					g.fillRect(x, y, l.size - gap, 1);
				if (!c.pinned || mode === 'share')
					continue;
				g.globalAlpha = 0.35 + 0.65 * c.pinned / 31;
				g.fillStyle = colour.ink;
				g.fillRect(x + l.size * 0.55, y + l.size * 0.55, l.size * 0.32, l.size * 0.32);
			}
		}
		map.note.textContent = show.count(pinned) + ' of ' + show.count(blocks) + ' blocks pinned' +
			(map.zones.some(z => z.per > 1) ? ' (about)' : ', ' + show.count(free) + ' free');
	}

	function describe(map, t, x, y) {
		const l = map.layout;
		for (const zone of l ? l.zones : []) {
			const i = Math.floor((y - zone.y) / l.size) * l.cols + Math.floor(x / l.size);
			if (y < zone.y || x < 0 || x >= l.cols * l.size || i >= zone.shown)
				continue;
			if (y >= zone.y + Math.ceil(zone.shown / l.cols) * l.size)
				continue;
			const c = cellAt(map, frameAt(map, t), zone.first + i), per = zone.z.per * 512;
			const percent = v => (100 * v / 255).toFixed(v && v < 26 ? 1 : 0) + ' %';
			const pfn = zone.z.pfn + i * per;
			return map.stack + ', node ' + zone.z.node + ' ' + zone.z.zone + ', pfn 0x' + pfn.toString(16) +
				', ' + show.bytes(zone.z.per * blockBytes) + ': ' + percent(c.used) + ' in use (unmovable ' +
				percent(c.unmovable) + ', movable ' + percent(c.movable) + ', reclaimable ' +
				percent(c.reclaimable) + '); pageblock type ' + (TYPES[c.type] || 'none') +
				(c.pinned ? '; pinned' : '');
		}
		return '';
	}

	function film(box) {
		const data = json(box.dataset.film), maps = data.maps;
		const longest = maps.reduce((a, m) => m.t.length > a.t.length ? m : a, maps[0]);
		const play = make('button', {type: 'button'}, 'Play');
		const slider = make('input', {type: 'range', min: 0, max: longest.t.length - 1, value: longest.t.length - 1,
			step: 1, 'aria-label': 'simulated time'});
		const time = make('output');
		const mode = make('select', {'aria-label': 'colours'},
			make('option', {value: 'lives'}, 'colour: what lives there'),
			make('option', {value: 'type'}, 'colour: pageblock type'),
			make('option', {value: 'share'}, 'colour: share in use'));
		const tip = make('p', {className: 'tip', 'aria-live': 'off'}, 'Point at a block to read it.');
		const list = make('div', {className: 'maps'});
		const state = {box, slider, play, timer: 0, paint, frames: longest.t.length};
		const now = () => longest.t[+slider.value], shape = grid(maps);

		for (const m of maps) {
			m.data = unpack(m);
			m.grid = shape;
			m.canvas = make('canvas', {role: 'img', 'aria-label': 'memory map of ' + m.stack});
			m.note = make('span', {className: 'sub how'});
			const key = make('i', {className: 'key'});
			key.style.background = m.colour;
			const point = e => {
				const r = m.canvas.getBoundingClientRect();
				tip.textContent = describe(m, now(), e.clientX - r.left, e.clientY - r.top);
			};
			m.canvas.addEventListener('pointermove', point);
			m.canvas.addEventListener('pointerdown', point);
			list.append(make('div', {className: 'map'}, key, make('b', {textContent: m.stack}), ' ', m.note, m.canvas));
		}
		function paint() {
			time.textContent = show.ns(now());
			slider.setAttribute('aria-valuetext', time.textContent);
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
		mode.addEventListener('change', paint);
		box.tabIndex = 0;
		box.setAttribute('role', 'group');
		box.setAttribute('aria-label', 'film of the memory map: space plays it, arrows step');
		box.addEventListener('keydown', e => {
			if (e.target !== box)
				return;
			const n = {ArrowLeft: -1, ArrowRight: 1}[e.key];
			if (e.key !== ' ' && !n)
				return;
			e.preventDefault();
			n ? (stop(), step(n)) : toggle();
		});
		box.replaceChildren(make('div', {className: 'bar'}, play, slider, time, mode), list, tip);
		window.addEventListener('resize', paint);
		films.push(state);
		paint();
	}

	/* ---- #selftest: a line for each thing that works or does not ---- */

	const wait = ms => new Promise(done => setTimeout(done, ms));

	function testTable(box, say) {
		const name = box.dataset.table, th = [...box.querySelectorAll('th')];
		const data = json(name), first = () => box.kept.map(r => r[at]);
		let at;
		for (at = 0; at < th.length; at++) {
			for (let turn = 0; turn < 2; turn++) {
				th[at].firstChild.click();
				const sign = box.querySelectorAll('th')[at].getAttribute('aria-sort') === 'ascending' ? 1 : -1;
				const v = first().filter(x => x !== null);
				say(v.every((x, i) => !i || (x > v[i - 1]) - (x < v[i - 1]) === sign || x === v[i - 1]),
					name + ' sorts by ' + data.columns[at].title + (sign > 0 ? ' up' : ' down'));
			}
		}
		const search = box.querySelector('input'), all = box.kept.length;
		const column = data.columns.findIndex(c => c.kind === 'text' && !c.choose);
		const word = all ? box.kept[all - 1][column].split(/\s/)[0] : '';
		search.value = word;
		search.dispatchEvent(new Event('input'));
		say(box.kept.length > 0 && box.kept.length <= all &&
			box.kept.every(r => r.join('\n').toLowerCase().includes(word.toLowerCase())), name + ' filters');
		search.value = 'no such thing anywhere';
		search.dispatchEvent(new Event('input'));
		say(!box.kept.length && !box.querySelector('tbody tr'), name + ' filters everything out');
		search.value = '';
		search.dispatchEvent(new Event('input'));
		say(box.kept.length === all, name + ' shows all again');
	}

	/* A sum over what is painted. */
	const picture = f => [...f.box.querySelectorAll('canvas')].map(c => {
		const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
		let h = 0;
		for (let i = 0; i < d.length; i++)
			h = (h * 31 + d[i]) >>> 0;
		return h;
	}).join();

	async function testFilm(f, say) {
		const seen = new Set(), name = f.box.dataset.film;
		for (let i = 0; i < f.frames; i++) {
			f.slider.value = i;
			f.slider.dispatchEvent(new Event('input'));
			seen.add(picture(f));
		}
		say(f.slider.getAttribute('aria-valuetext') === f.box.querySelector('output').textContent &&
			f.box.getAttribute('role') === 'group', name + ' says its time to who cannot see it');
		say(seen.size > 1, name + ' changes over time: ' + seen.size + ' pictures in ' + f.frames + ' frames');
		f.box.dispatchEvent(new KeyboardEvent('keydown', {key: ' '}));
		say(f.play.textContent === 'Pause' && +f.slider.value === 0, name + ' plays from its start');
		await wait(700);
		say(+f.slider.value > 1, name + ' goes on by itself');
		f.play.click();
		const at = +f.slider.value;
		await wait(400);
		say(f.play.textContent === 'Play' && +f.slider.value === at, name + ' pauses');
		f.box.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
		say(+f.slider.value === at + 1, name + ' steps by keys');
		const before = picture(f);
		document.querySelector('.theme').click();
		say(picture(f) !== before, name + ' follows the theme');
		document.querySelector('.theme').click();
		const select = f.box.querySelector('select');
		select.value = 'type';
		select.dispatchEvent(new Event('change'));
		say(picture(f) !== before, name + ' shows pageblock types');
		const canvas = f.box.querySelector('canvas'), r = canvas.getBoundingClientRect();
		canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: r.left + 2, clientY: r.top + 20}));
		say(f.box.querySelector('.tip').textContent.includes('pageblock type'), name + ' says what is under the pointer');
	}

	async function selftest() {
		const lines = [], say = (good, what) => lines.push((good ? 'ok ' : 'not ok ') + what);
		const background = () => getComputedStyle(document.body).backgroundColor, light = background();
		document.querySelector('.theme').click();
		say(background() !== light, 'the theme switches');
		document.querySelector('.theme').click();
		say(background() === light, 'and back');
		for (const box of document.querySelectorAll('[data-table]'))
			testTable(box, say);
		for (const f of films)
			await testFilm(f, say);
		say(document.documentElement.scrollWidth <= innerWidth, 'nothing is wider than the screen of ' + innerWidth);
		say([...document.querySelectorAll('svg.panel')].every(s => s.getBoundingClientRect().width > 100), 'every panel is drawn');
		say(!errors.length, 'no errors: ' + errors.join('; '));
		document.body.append(make('pre', {id: 'selftest', textContent: lines.join('\n') + '\n1..' + lines.length}));
	}

	theme();
	document.querySelectorAll('[data-table]').forEach(table);
	document.querySelectorAll('[data-film]').forEach(film);
	if (location.hash === '#selftest')
		selftest();
})();
