/*
 * The page's script: the switch between light and dark, tables that sort and filter. Films of the memory map
 * are in page_map.js, the self-test in page_test.js; all three are one script in the page. Everything it shows
 * comes from <script type="application/json"> in the page; texts are set as text, never as HTML.
 */
'use strict';
const kmemsim = {};
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
		number: v => v < 100 ? v.toFixed(2).replace(/\.?0+$/, '') : show.count(v),
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

	function start() {
		theme();
		document.querySelectorAll('[data-table]').forEach(table);
		document.querySelectorAll('[data-film]').forEach(kmemsim.film);
		if (location.hash === '#selftest')
			kmemsim.selftest();
	}

	Object.assign(kmemsim, {errors, make, json, show, root, films, start});
})();
