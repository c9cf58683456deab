{
  const { palette, sheet, dialog } = document.currentScript.dataset;
  const entries = new Map();
  let pressed;
  let struck;
  const keep = ({ target }) => {
    entries.delete(target);
    entries.set(target, [target.value, target.checked]);
  };
  // What the browser has put back into a page that was left, of which it tells nobody.
  const isChanged = (field) => {
    if (field.type === 'hidden' || field.type === 'file') return false;
    if (field.type === 'radio') return field.checked && !field.defaultChecked;
    if (field.type === 'checkbox') return field.checked !== field.defaultChecked;
    if (!field.options) return field.value !== field.defaultValue;
    return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
  };
  const gather = () => {
    for (const field of document.querySelectorAll('input, textarea, select')) {
      if (!entries.has(field) && isChanged(field)) keep({ target: field });
    }
  };
  const leave = ({ target }) => {
    for (const field of [...entries.keys()]) if (field.form === target) entries.delete(field);
  };
  const press = ({ target }) => {
    const button = target.closest?.('button');
    // What the browser does by itself is done already.
    if (button?.type === 'button' && !button.hasAttribute('popovertarget')) pressed = button;
  };
  const strike = (event) => {
    const { key, ctrlKey, metaKey, shiftKey, target } = event;
    const isPalette = key === palette && (ctrlKey || metaKey) && !shiftKey;
    if (!isPalette && (key !== sheet || target.matches?.('input, textarea, select'))) return;
    if (isPalette) event.preventDefault();
    struck = new KeyboardEvent('keydown', { key, ctrlKey, metaKey, bubbles: true, cancelable: true });
    // What is typed from now on is meant for its field, and kept as that of any other is.
    const shown = isPalette && document.getElementById(dialog);
    if (shown && !shown.open) shown.showModal();
  };
  // Whoever closes it again wants it no more.
  const giveUp = () => (struck = undefined);
  const where = () => location.pathname + location.search;
  const drawn = where();
  const turn = () => {
    if (where() !== drawn) location.reload();
  };
  const heard = { input: keep, submit: leave, click: press, keydown: strike, close: giveUp, popstate: turn };
  for (const name in heard) addEventListener(name, heard[name], true);

  const signs = ['pointerover', 'pointerdown', 'touchstart', 'wheel', 'scroll', 'keydown', 'focusin', 'input'];
  const use = ({ type, target }) => {
    // Parts of a page turn to where they snap by themselves.
    if (type === 'scroll' && target !== document) return;
    for (const name of signs) removeEventListener(name, use, true);
    document.documentElement.dataset.used = '';
    dispatchEvent(new Event('used'));
  };
  for (const name of signs) addEventListener(name, use, { capture: true, passive: true });

  const hold = (event) => {
    const link = event.target.closest?.('a[href]');
    if (navigator.onLine || !('live' in document.documentElement.dataset)) return;
    if (link?.origin === location.origin && link.pathname + link.search !== where()) event.preventDefault();
  };
  addEventListener('click', hold, true);

  addEventListener('ready', gather, { once: true });
  addEventListener('live', () => {
    for (const name in heard) removeEventListener(name, heard[name], true);
    for (const [field, [value, checked]] of entries) {
      if (!field.isConnected) continue;
      if (field.type === 'checkbox' && checked === field.defaultChecked) continue;
      if (field.type !== 'file' && field.value !== value) field.value = value;
      if (checked !== undefined) field.checked = checked;
      for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
    }
    if (pressed?.isConnected) pressed.click();
    // Who listens to keys begins a moment later.
    if (struck) setTimeout(() => document.body.dispatchEvent(struck));
  }, { once: true });
}
