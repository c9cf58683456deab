{
  const entries = new Map();
  let pressed;
  let struck;
  const keep = ({ target }) => {
    entries.delete(target);
    entries.set(target, [target.value, target.checked]);
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
    const isPalette = key === 'k' && (ctrlKey || metaKey) && !shiftKey;
    if (!isPalette && (key !== '?' || target.matches?.('input, textarea, select'))) return;
    if (isPalette) event.preventDefault();
    struck = new KeyboardEvent('keydown', { key, ctrlKey, metaKey, bubbles: true, cancelable: true });
  };
  const where = () => location.pathname + location.search;
  const drawn = where();
  const turn = () => {
    if (where() !== drawn) location.reload();
  };
  const heard = { input: keep, submit: leave, click: press, keydown: strike, popstate: turn };
  for (const name in heard) addEventListener(name, heard[name], true);

  const signs = ['pointerover', 'pointerdown', 'touchstart', 'wheel', 'scroll', 'keydown', 'focusin', 'input'];
  const use = () => {
    for (const name of signs) removeEventListener(name, use, true);
    document.documentElement.dataset.used = '';
    dispatchEvent(new Event('used'));
  };
  for (const name of signs) addEventListener(name, use, { capture: true, passive: true });

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
    if (struck) document.body.dispatchEvent(struck);
  }, { once: true });
}
