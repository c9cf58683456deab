((js, wasm, rests) => {
  let isBegun = false;
  const begin = () => {
    if (isBegun) return;
    isBegun = true;
    for (const link of document.querySelectorAll('link[rel=later]')) link.rel = link.as ? 'preload' : 'modulepreload';
    const module = fetch(wasm);
    // What became of it is told once, below.
    module.catch(() => {});
    // What the visitor does between the two is heard.
    const live = (program) => setTimeout(() => {
      dispatchEvent(new Event('ready'));
      program.hydrate();
    });
    import(js)
      .then((program) => program.default({ module_or_path: module }).then(() => live(program)))
      .catch((fault) => {
        // Out of reach behind the palette, if that was asked for already.
        for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
        document.getElementById('fault-notice')?.removeAttribute('hidden');
        console.error(fault);
      });
  };
  if (rests) {
    if ('used' in document.documentElement.dataset) begin();
    else addEventListener('used', begin, { once: true });
    return;
  }
  // What nobody sees is never painted, and what paints late has waited long enough.
  if (document.hidden) begin();
  else setTimeout(begin, 3000);
  document.addEventListener('visibilitychange', begin, { once: true });
  if (PerformanceObserver.supportedEntryTypes?.includes('paint')) {
    new PerformanceObserver((_, observer) => {
      observer.disconnect();
      setTimeout(begin);
    }).observe({ type: 'paint', buffered: true });
  } else {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(begin)));
  }
})
