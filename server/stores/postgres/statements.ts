/** Makes a world, or takes it over from whoever opened it last. */
export const CLAIM = `
  INSERT INTO object_sync_worlds (name, epoch, term, seq, horizon, next_handle)
  VALUES ($1, $2, 1, 0, 0, 1)
  ON CONFLICT (name) DO UPDATE SET term = object_sync_worlds.term + 1
  RETURNING epoch, term, seq, horizon, next_handle, ledger_horizon, schema_version, last_batch`;

export const OBJECTS = `
  SELECT id, handle, created, revision, forgotten, properties, names, revisions
  FROM object_sync_objects WHERE world = $1 ORDER BY revision, handle`;

export const DECISIONS = `
  SELECT client_id, n, fingerprint, owner, outcome, seq, decided_at
  FROM object_sync_decisions WHERE world = $1 ORDER BY client_id, n`;

export const WORLDS = `
  SELECT name, epoch, term, seq, horizon, next_handle, ledger_horizon, schema_version
  FROM object_sync_worlds ORDER BY name`;

/** No batch of a server that has the world open follows on this: it has no \`last_batch\`. */
export const PUT_WORLD = `
  INSERT INTO object_sync_worlds
    (name, epoch, term, seq, horizon, next_handle, ledger_horizon, schema_version)
  VALUES ($1, $2, 1, $3, $4, $5, $6, $7)
  ON CONFLICT (name) DO UPDATE SET
    epoch = excluded.epoch, term = object_sync_worlds.term + 1, seq = excluded.seq,
    horizon = excluded.horizon, next_handle = excluded.next_handle,
    ledger_horizon = excluded.ledger_horizon, schema_version = excluded.schema_version,
    last_batch = NULL`;

export const PUT_EPOCH = `
  UPDATE object_sync_worlds SET epoch = $2, term = term + 1, last_batch = NULL WHERE name = $1`;

export const DROP_OBJECTS = `DELETE FROM object_sync_objects WHERE world = $1`;
export const DROP_DECISIONS = `DELETE FROM object_sync_decisions WHERE world = $1`;

export const PUT_OBJECTS = `
  INSERT INTO object_sync_objects
    (world, handle, id, created, revision, forgotten, properties, names, revisions)
  SELECT $1, given.* FROM unnest(
    $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::json[], $8::json[],
    $9::json[]
  ) AS given`;

export const PUT_DECISIONS = `
  INSERT INTO object_sync_decisions
    (world, client_id, n, fingerprint, owner, outcome, seq, decided_at)
  SELECT $1, given.* FROM unnest(
    $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::json[], $7::bigint[], $8::bigint[]
  ) AS given`;

/**
 * Whether the batch $3 was kept. If not, it never will be: $4 takes the place of the batch that it
 * follows on, as the statement of a lost connection may still be on its way to be run.
 */
export const SETTLE = `
  UPDATE object_sync_worlds
  SET last_batch = CASE WHEN last_batch = $3 THEN $3 ELSE $4 END
  WHERE name = $1 AND term = $2::bigint
  RETURNING last_batch`;

/**
 * A whole batch in one statement, which is one way to the database and back. All parts see the world
 * as it was before; each does nothing unless "advanced" found it where the batch follows on.
 */
export const COMMIT = `
  WITH advanced AS (
    UPDATE object_sync_worlds
    SET seq = $4::bigint, horizon = $5::bigint, next_handle = $6::bigint, last_batch = $7,
      ledger_horizon = $26::bigint, schema_version = $27::bigint
    WHERE name = $1 AND term = $2::bigint AND seq = $3::bigint
      AND last_batch IS NOT DISTINCT FROM $28
    RETURNING name
  ), objects AS (
    INSERT INTO object_sync_objects AS kept
      (world, handle, id, created, revision, forgotten, properties, names, revisions)
    SELECT name, given.* FROM advanced, unnest(
      $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::json[],
      $14::json[], $15::json[]
    ) AS given (handle, id, created, revision, forgotten, properties, names, revisions)
    ON CONFLICT (world, handle) DO UPDATE SET
      id = excluded.id, created = excluded.created, revision = excluded.revision,
      forgotten = excluded.forgotten, properties = excluded.properties, names = excluded.names,
      revisions = excluded.revisions
  ), tombstones AS (
    DELETE FROM object_sync_objects AS kept USING advanced
    WHERE kept.world = name AND kept.properties IS NULL AND kept.revision <= $5::bigint
  ), forgotten AS (
    DELETE FROM object_sync_decisions AS kept USING advanced
    WHERE kept.world = name AND kept.client_id = ANY ($25::text[])
  ), settled AS (
    DELETE FROM object_sync_decisions AS kept
    USING advanced, unnest($16::text[], $17::bigint[]) AS given (client_id, n)
    WHERE kept.world = name AND kept.client_id = given.client_id AND kept.n <= given.n
  ), decisions AS (
    INSERT INTO object_sync_decisions
      (world, client_id, n, fingerprint, owner, outcome, seq, decided_at)
    SELECT name, given.* FROM advanced, unnest(
      $18::text[], $19::bigint[], $20::bigint[], $21::text[], $22::json[], $23::bigint[],
      $24::bigint[]
    ) AS given (client_id, n, fingerprint, owner, outcome, seq, decided_at)
    ON CONFLICT (world, client_id, n) DO UPDATE SET
      fingerprint = excluded.fingerprint, owner = excluded.owner, outcome = excluded.outcome,
      seq = excluded.seq, decided_at = excluded.decided_at
  )
  SELECT EXISTS (SELECT FROM advanced) AS kept`;
