// A list of agents as those who use @tanstack/react-virtual write it: rows of measured height, absolutely
// placed, each a memoised component. It holds all agents; Resonant fetches those it draws.

import { memo, useRef } from 'react';
import { createRoot } from 'react-dom/client';
import { useVirtualizer } from '@tanstack/react-virtual';

const count = Number(new URLSearchParams(location.search).get('rows'));
const agents = Array.from({ length: count }, (_, at) => ({
  id: `00000000-0000-7000-9000-${(at + 1).toString(16).padStart(12, '0')}`,
  name: `Agent ${at + 1}`,
  description: `What agent ${at + 1} is for`,
  status: 'active',
  runs: at % 7,
  changed: Date.UTC(2026, 10, 1) - at * 1000,
}));
const dates = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });

const Agent = memo(({ agent }) => (
  <div className="agent-line">
    <div className="agent-line__select" role="gridcell">
      <input type="checkbox" name="ids[]" value={agent.id} tabIndex={-1} aria-label={`Select ${agent.name}`} />
    </div>
    <div className="agent-line__main" role="gridcell">
      <span className="avatar" aria-hidden="true">
        <svg className="icon" viewBox="0 0 24 24" width="20" height="20"><path d="M12 3v4M12 17v4M3 12h4M17 12h4" /></svg>
      </span>
      <div className="agent-line__text">
        <a className="agent-line__name" href={`/studio/agents/${agent.id}`} tabIndex={-1}>{agent.name}</a>
        <p className="agent-line__description">{agent.description}</p>
        <p className="agent-line__about">
          <span className={`status-dot status-dot--${agent.status}`}>Active</span>
          <span>{agent.runs === 1 ? '1 run' : `${agent.runs} runs`}</span>
          <span>Changed {dates.format(agent.changed)}</span>
        </p>
      </div>
    </div>
    <div className="agent-line__actions" role="gridcell">
      <a className="button" href={`/studio/agents/${agent.id}?run`} tabIndex={-1}>
        <svg className="icon" viewBox="0 0 24 24" width="20" height="20"><path d="M8 5l11 7-11 7z" /></svg>
        Run<span className="visually-hidden"> {agent.name}</span>
      </a>
    </div>
  </div>
));

function List() {
  const box = useRef(null);
  const virtualizer = useVirtualizer({ count, getScrollElement: () => box.current, estimateSize: () => 96, overscan: 5 });
  const rows = virtualizer.getVirtualItems();
  return (
    <div id="agents" className="virtual-list is-live" role="grid" aria-rowcount={count} tabIndex={0} ref={box} style={{ overflow: 'auto' }}>
      <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
        {rows.map((row) => (
          <div
            key={row.key}
            data-index={row.index}
            ref={virtualizer.measureElement}
            className="virtual-list__row"
            role="row"
            aria-rowindex={row.index + 1}
            style={{ position: 'absolute', insetBlockStart: 0, inlineSize: '100%', transform: `translateY(${row.start}px)` }}
          >
            <Agent agent={agents[row.index]} />
          </div>
        ))}
      </div>
    </div>
  );
}

createRoot(document.getElementById('root')).render(<List />);
