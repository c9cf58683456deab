{
  const entries = new Map();
  const keep = ({ target }) => entries.set(target, [target.value, target.checked]);
  addEventListener('input', keep, true);
  addEventListener('live', () => {
    removeEventListener('input', keep, true);
    for (const [field, [value, checked]] of entries) {
      if (!field.isConnected) continue;
      if (field.type !== 'file') field.value = value;
      if (checked !== undefined) field.checked = checked;
      for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
    }
  }, { once: true });
}
