/*
 * #selftest runs the page through its paces and writes what came of it into the page: a line for each thing
 * that works or does not.
 */
(function () {
	const {errors, make, json, films} = kmemsim;

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
		const select = f.mode;
		select.value = 'type';
		select.dispatchEvent(new Event('change'));
		say(picture(f) !== before, name + ' shows pageblock types');
		const canvas = f.box.querySelector('canvas'), r = canvas.getBoundingClientRect();
		canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: r.left + 2, clientY: r.top + 20}));
		say(f.box.querySelector('.tip').textContent.includes('pageblock type'), name + ' says what is under the pointer');
	}

	/* Sets the colours; false if the film has nothing of the kind. */
	function setMode(f, value) {
		if (![...f.mode.options].some(o => o.value === value))
			return false;
		f.mode.value = value;
		f.mode.dispatchEvent(new Event('change'));
		return true;
	}

	function testBlame(f, say) {
		const name = f.box.dataset.film, tip = f.box.querySelector('.tip'), plain = (setMode(f, 'lives'), picture(f));
		if (!setMode(f, 'blame'))
			return;
		const legend = f.box.querySelector('.legend.blame'), button = legend.querySelector('button'), all = picture(f);
		say(all !== plain && !legend.hidden && f.slider.disabled, name + ' shows blame, of the end');
		button.dispatchEvent(new Event('pointerenter'));
		say(tip.textContent.includes(f.data.holders[0] + ' keeps '), name + ' says what a holder keeps');
		button.click();
		say(button.getAttribute('aria-pressed') === 'true', name + ' picks a holder');
		/* If there is nobody else, nothing fades. */
		say((picture(f) !== all) === f.data.maps.some(m => m.kept && m.kept.some(k => k[1])), name + ' fades the others');
		button.click();
		say(button.getAttribute('aria-pressed') === 'false' && picture(f) === all, name + ' shows all holders again');
		const map = f.data.maps.find(m => m.kept), cell = map.kept[0][0];
		map.canvas.focus();
		map.canvas.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}));
		for (let i = 0; i < map.nr_cells && map.cursor !== cell; i++)
			map.canvas.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
		say(tip.textContent.includes('; kept by ') && tip.getAttribute('aria-live') === 'polite',
			name + ' is read by keys: who keeps a block');
		map.canvas.blur();
		setMode(f, 'lives');
		say(!f.slider.disabled && legend.hidden && picture(f) === plain, name + ' shows mobility again');
	}

	function testMoves(f, say) {
		const name = f.box.dataset.film, plain = (setMode(f, 'lives'), picture(f));
		if (!setMode(f, 'moves'))
			return;
		f.slider.value = f.frames - 1;
		f.slider.dispatchEvent(new Event('input'));
		const end = picture(f), sum = (map, nth) => map.moved.subarray(-2 * map.nr_cells).reduce((a, n, i) => a + (i % 2 === nth ? n : 0), 0);
		say(end !== plain && !f.box.querySelector('.legend.moves').hidden, name + ' shows moves');
		say(f.data.maps.some(m => m.moved && sum(m, 0) > 0), name + ' knows of pages that moved');
		setMode(f, 'lives');
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
		for (const f of films) {
			testBlame(f, say);
			testMoves(f, say);
		}
		say(document.documentElement.scrollWidth <= innerWidth, 'nothing is wider than the screen of ' + innerWidth);
		say([...document.querySelectorAll('svg.panel')].every(s => s.getBoundingClientRect().width > 100), 'every panel is drawn');
		say(!errors.length, 'no errors: ' + errors.join('; '));
		document.body.append(make('pre', {id: 'selftest', textContent: lines.join('\n') + '\n1..' + lines.length}));
	}

	Object.assign(kmemsim, {selftest});
})();
