{
  const entries = new Map();
  const keep = ({ target }) => {
    entries.delete(target);
    entries.set(target, [target.value, target.checked]);
  };
  const leave = ({ target }) => {
    for (const field of [...entries.keys()]) if (field.form === target) entries.delete(field);
  };
  const where = () => location.pathname + location.search;
  const drawn = where();
  const turn = () => {
    if (where() !== drawn) location.reload();
  };
  addEventListener('input', keep, true);
  addEventListener('submit', leave, true);
  addEventListener('popstate', turn);
  addEventListener('live', () => {
    removeEventListener('popstate', turn);
    removeEventListener('input', keep, true);
    removeEventListener('submit', leave, true);
    for (const [field, [value, checked]] of entries) {
      if (!field.isConnected) continue;
      if (field.type === 'checkbox' && checked === field.defaultChecked) continue;
      if (field.type !== 'file' && field.value !== value) field.value = value;
      if (checked !== undefined) field.checked = checked;
      for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
    }
  }, { once: true });
}
