-- A tool that its publisher has switched off is none that a listing asks for.

CREATE OR REPLACE FUNCTION listing_tools(spec JSONB) RETURNS TEXT[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT coalesce(array_agg(DISTINCT CASE
            WHEN coalesce(tool -> 'settings' ->> 'kind', 'built_in') = 'built_in' THEN tool ->> 'name'
            ELSE tool -> 'settings' ->> 'kind'
        END), '{}')
        FROM jsonb_array_elements(
            CASE jsonb_typeof(spec -> 'tools') WHEN 'array' THEN spec -> 'tools' ELSE '[]' END
        ) tool
        WHERE tool ->> 'name' IS NOT NULL AND tool ->> 'is_off' IS DISTINCT FROM 'true'
    $$;
