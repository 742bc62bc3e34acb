// What AppSync lends to resolvers in JavaScript: `@aws-appsync/utils` and `@aws-appsync/utils/dynamodb`. For `…/rds` there is runtime_rds.js.
// https://docs.aws.amazon.com/appsync/latest/devguide/resolver-util-reference-js.html
'use strict';
var __modules = {}, __exports = {};
var __run = (() => {
  // What the engine's edition of the language does not have yet.
  if (!Object.hasOwn) Object.hasOwn = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
  for (const kind of [Array, String]) if (!kind.prototype.at) kind.prototype.at = function (n) { return this[n < 0 ? this.length + n : n]; };

  let turn = null;  // What one call has: its time, its chance, and what it said besides its answer.

  class Failure { constructor(error) { this.error = error; } }
  class Early { constructor(value, skipTo) { this.value = value; this.skipTo = skipTo; } }
  class Question { constructor(key) { this.key = key; } }
  const ask = (...asked) => {
    const [name, ...given] = asked, key = JSON.stringify([name, given]);
    const answer = turn.answers[key];
    if (answer === undefined) throw new Question(key);
    if (Object.hasOwn(answer, 'error')) throw new Failure({ message: answer.error, type: 'IllegalArgument' });
    return answer.value;
  };
  // Regular expressions are the host's: the engine's own cannot be interrupted.
  const match = (text, { index, groups }) => Object.assign(groups.map((one) => one ?? undefined), { index, input: text });
  String.prototype.match = function (pattern) { const [first] = ask('search', String(pattern), String(this)); return first ? match(String(this), first) : null; };
  String.prototype.matchAll = function (pattern) { return ask('search', String(pattern), String(this)).map((each) => match(String(this), each)); };
  String.prototype.search = function (pattern) { const [first] = ask('search', String(pattern), String(this)); return first ? first.index : -1; };
  const refuse = (what) => { throw new Failure({ message: `Kumoniwa does not implement ${what}.`, type: 'NotImplemented' }); };

  // Chance: xorshift128, seeded for each call by its caller.
  const random32 = () => {
    let t = turn.chance[3], s = turn.chance[0];
    turn.chance[3] = turn.chance[2]; turn.chance[2] = turn.chance[1]; turn.chance[1] = s;
    t ^= t << 11; t ^= t >>> 8;
    return (turn.chance[0] = t ^ s ^ (s >>> 19)) >>> 0;
  };
  const random = () => random32() / 4294967296;
  const hex = (digits) => { let text = ''; while (text.length < digits) text += random32().toString(16).padStart(8, '0'); return text.slice(0, digits); };
  Math.random = random;

  // Bytes and texts.
  const bytes = (text) => {
    const found = [];
    for (const sign of String(text)) {
      const code = sign.codePointAt(0);
      if (code < 0x80) found.push(code);
      else if (code < 0x800) found.push(0xc0 | code >> 6, 0x80 | code & 63);
      else if (code < 0x10000) found.push(0xe0 | code >> 12, 0x80 | code >> 6 & 63, 0x80 | code & 63);
      else found.push(0xf0 | code >> 18, 0x80 | code >> 12 & 63, 0x80 | code >> 6 & 63, 0x80 | code & 63);
    }
    return found;
  };
  const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const base64Encode = (text) => {
    const all = bytes(text);
    let found = '';
    for (let at = 0; at < all.length; at += 3) {
      const three = all[at] << 16 | (all[at + 1] ?? 0) << 8 | (all[at + 2] ?? 0);
      const four = [18, 12, 6, 0].map((shift) => DIGITS[three >> shift & 63]).join('');
      found += four.slice(0, Math.min(all.length - at, 3) + 1).padEnd(4, '=');
    }
    return found;
  };
  const base64Decode = (text) => {
    let bits = 0, held = 0, escaped = '';
    for (const sign of String(text)) {
      if (sign === '=') break;
      const digit = DIGITS.indexOf(sign);
      if (digit < 0) throw new Failure({ message: 'Illegal base64 character', type: 'IllegalArgument' });
      held = held << 6 | digit; bits += 6;
      if (bits >= 8) { bits -= 8; escaped += '%' + (held >> bits & 255).toString(16).padStart(2, '0'); held &= (1 << bits) - 1; }
    }
    return decodeURIComponent(escaped);
  };

  // DynamoDB's typed values.
  const typed = (value) => {
    if (value === null || value === undefined) return { NULL: true };
    if (typeof value === 'string') return { S: value };
    if (typeof value === 'number') return { N: String(value) };
    if (typeof value === 'boolean') return { BOOL: value };
    if (Array.isArray(value)) return { L: value.map(typed) };
    return { M: typedValues(value) };
  };
  const typedValues = (values) => {
    const found = {};
    for (const name of Object.keys(values ?? {})) if (values[name] !== undefined) found[name] = typed(values[name]);
    return found;
  };
  const dynamodb = {
    toDynamoDB: typed, toMapValues: typedValues,
    toString: (v) => v === null || v === undefined ? null : ({ S: String(v) }), toStringSet: (v) => v ? ({ SS: v.map(String) }) : null,
    toNumber: (v) => v === null || v === undefined ? null : ({ N: String(v) }), toNumberSet: (v) => v ? ({ NS: v.map(String) }) : null,
    toBinary: (v) => v === null || v === undefined ? null : ({ B: v }), toBinarySet: (v) => v ? ({ BS: v }) : null,
    toBoolean: (v) => v === null || v === undefined ? null : ({ BOOL: v }), toNull: () => ({ NULL: true }),
    toList: (v) => v ? ({ L: v.map(typed) }) : null, toMap: (v) => v ? ({ M: typedValues(v) }) : null,
    toS3Object: (key, bucket, region, version) => ({ S: JSON.stringify({ s3: { key, bucket, region, ...(version === undefined ? {} : { version }) } }) }),
    fromS3ObjectJson: (text) => JSON.parse(text).s3,
  };

  // Conditions over attributes: `{ title: { contains: 'x' }, or: [...] }`.
  const SIGNS = { eq: '=', ne: '<>', le: '<=', lt: '<', ge: '>=', gt: '>' };
  const expression = (filter) => {
    const names = {}, values = {};
    let count = 0;
    const named = (field) => field.split('.').map((part) => { names['#' + part] = part; return '#' + part; }).join('.');
    const valued = (field, operator, value) => {
      const name = `:${field.replaceAll('.', '_')}_${operator}${count++ ? '_' + (count - 1) : ''}`;
      values[name] = typed(value);
      return name;
    };
    const condition = (field, operator, given) => {
      const path = named(field);
      if (Object.hasOwn(SIGNS, operator)) return `${path} ${SIGNS[operator]} ${valued(field, operator, given)}`;
      if (operator === 'contains') return `contains(${path},${valued(field, operator, given)})`;
      if (operator === 'notContains') return `NOT contains(${path},${valued(field, operator, given)})`;
      if (operator === 'beginsWith') return `begins_with(${path},${valued(field, operator, given)})`;
      if (operator === 'between') return `${path} BETWEEN ${valued(field, operator, given[0])} AND ${valued(field, operator, given[1])}`;
      if (operator === 'in') return `${path} IN (${given.map((one) => valued(field, operator, one)).join(',')})`;
      if (operator === 'attributeExists') return `${given ? 'attribute_exists' : 'attribute_not_exists'}(${path})`;
      if (operator === 'attributeType') return `attribute_type(${path},${valued(field, operator, given)})`;
      if (operator === 'size') {
        const [inner, size] = Object.entries(given)[0];
        return inner === 'between'
          ? `size(${path}) BETWEEN ${valued(field, 'size', size[0])} AND ${valued(field, 'size', size[1])}`
          : `size(${path}) ${SIGNS[inner]} ${valued(field, 'size', size)}`;
      }
      throw new Failure({ message: `${operator} is no operator of a filter.`, type: 'IllegalArgument' });
    };
    const joined = (part) => {
      const all = [];
      for (const [field, given] of Object.entries(part)) {
        if (field === 'and' || field === 'or') all.push('(' + given.map(joined).join(field === 'and' ? ' AND ' : ' OR ') + ')');
        else if (field === 'not') all.push(`(NOT (${joined(given)}))`);
        else for (const [operator, value] of Object.entries(given)) all.push(`(${condition(field, operator, value)})`);
      }
      return all.length === 1 ? all[0] : '(' + all.join(' AND ') + ')';
    };
    return { expression: joined(filter), expressionNames: names, expressionValues: values };
  };
  const OPERATORS = ['eq', 'ne', 'le', 'lt', 'ge', 'gt', 'contains', 'notContains', 'beginsWith', 'in', 'notIn', 'between', 'containsAny'];
  const subscriptionFilter = (filter, ignored, always) => {
    const groups = (part) => {
      let found = [[]];
      for (const [field, given] of Object.entries(part)) {
        if (ignored && ignored.includes(field)) continue;
        let more;
        if (field === 'or') more = given.flatMap(groups);
        else if (field === 'and') more = given.map(groups).reduce((left, right) => left.flatMap((l) => right.map((r) => [...l, ...r])), [[]]);
        else more = [Object.entries(given).map(([operator, value]) => {
          if (!OPERATORS.includes(operator)) throw new Failure({ message: `${operator} is no operator of a subscription filter.`, type: 'IllegalArgument' });
          return { fieldName: field, operator, value };
        })];
        found = found.flatMap((l) => more.map((r) => [...l, ...r]));
      }
      return found;
    };
    const fixed = Object.entries(always ?? {}).flatMap(([fieldName, given]) => Object.entries(given).map(([operator, value]) => ({ fieldName, operator, value })));
    return { filterGroup: groups(filter).map((filters) => ({ filters: [...filters, ...fixed] })) };
  };

  // Times, which the host knows better.
  const iso = (ms) => new RealDate(ms).toISOString();
  const RealDate = Date;
  const formatted = (ms, pattern, zone) => ask('formatted', ms, pattern, zone ?? null);
  const time = {
    nowISO8601: () => iso(turn.now), nowEpochSeconds: () => Math.floor(turn.now / 1000), nowEpochMilliSeconds: () => turn.now,
    nowFormatted: (pattern, zone) => formatted(turn.now, pattern, zone),
    parseFormattedToEpochMilliSeconds: (text, pattern, zone) => ask('read', text, pattern, zone ?? null), parseISO8601ToEpochMilliSeconds: (text) => ask('readISO', text),
    epochMilliSecondsToSeconds: (ms) => Math.floor(ms / 1000), epochMilliSecondsToISO8601: iso,
    epochMilliSecondsToFormatted: formatted,
  };

  const copied = (map, keep) => Object.fromEntries(Object.entries(map).filter(([key]) => keep(key)));
  const said = (message, type, data, info) => ({ message: String(message), type: type ?? null, data: data ?? null, errorInfo: info ?? null });
  const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ', BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const util = {
    error: (...given) => { throw new Failure(said(...given)); },
    appendError: (...given) => { turn.errors.push(said(...given)); },
    unauthorized: () => { throw new Failure({ unauthorized: true }); },
    authType: () => turn.authType,
    autoId: () => { const h = hex(32); return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${'89ab'[random32() & 3]}${h.slice(17, 20)}-${h.slice(20)}`; },
    autoUlid: () => {
      let text = '', rest = turn.now;
      for (let n = 0; n < 10; n++) { text = CROCKFORD[rest % 32] + text; rest = Math.floor(rest / 32); }
      for (let n = 0; n < 16; n++) text += CROCKFORD[random32() & 31];
      return text;
    },
    autoKsuid: () => {
      let number = BigInt(Math.floor(turn.now / 1000) - 1400000000), text = '';
      number = number << 128n | BigInt('0x' + hex(32));
      for (let n = 0; n < 27; n++) { text = BASE62[Number(number % 62n)] + text; number /= 62n; }
      return text;
    },
    matches: (pattern, text) => ask('search', pattern, String(text)).length > 0,
    urlEncode: (text) => encodeURIComponent(text).replaceAll('%20', '+').replaceAll('~', '%7E').replace(/[!'()]/g, (s) => '%' + s.charCodeAt(0).toString(16).toUpperCase()),
    urlDecode: (text) => decodeURIComponent(text.replaceAll('+', ' ')),
    base64Encode, base64Decode, dynamodb, time,
    http: {
      copyHeaders: (headers) => ({ ...headers }),
      addResponseHeader: (name, value) => { turn.headers[name] = String(value); },
      addResponseHeaders: (headers) => { for (const name of Object.keys(headers)) turn.headers[name] = String(headers[name]); },
    },
    transform: {
      toDynamoDBFilterExpression: (filter) => { const { expression: e, expressionNames, expressionValues } = expression(filter); return JSON.stringify({ expression: e, expressionNames, expressionValues }); },
      toDynamoDBConditionExpression: (filter) => { const { expression: e, expressionNames, expressionValues } = expression(filter); return JSON.stringify({ expression: e, expressionNames, expressionValues }); },
      toSubscriptionFilter: subscriptionFilter,
      toElasticsearchQueryDSL: () => refuse('util.transform.toElasticsearchQueryDSL'),
    },
    str: {
      toUpper: (s) => s.toUpperCase(), toLower: (s) => s.toLowerCase(),
      toReplace: (s, part, by) => s.replaceAll(part, by), normalize: (s, form) => s.normalize(form.toUpperCase()),
    },
    math: {
      roundNum: (n) => Math.round(n), minVal: (a, b) => Math.min(a, b), maxVal: (a, b) => Math.max(a, b),
      randomDouble: random, randomWithinRange: (start, end) => start + Math.floor(random() * (end - start)),
    },
    list: {
      copyAndRetainAll: (list, keep) => list.filter((one) => keep.includes(one)),
      copyAndRemoveAll: (list, gone) => list.filter((one) => !gone.includes(one)),
    },
    map: {
      copyAndRetainAllKeys: (map, keys) => copied(map, (key) => keys.includes(key)),
      copyAndRemoveAllKeys: (map, keys) => copied(map, (key) => !keys.includes(key)),
    },
    xml: { toMap: () => refuse('util.xml.toMap'), toJsonString: () => refuse('util.xml.toJsonString') },
  };
  const extend = (name) => (...given) => { turn.extensions.push([name, given]); };
  const extensions = {};
  for (const name of ['setSubscriptionFilter', 'setSubscriptionInvalidationFilter', 'invalidateSubscriptions', 'evictFromApiCache']) extensions[name] = extend(name);
  const runtime = { earlyReturn: (value, options) => { throw new Early(value, options?.skipTo ?? 'NEXT'); } };
  __modules['@aws-appsync/utils'] = { util, extensions, runtime };

  // `@aws-appsync/utils/dynamodb`: requests from plain values.
  class Operation { constructor(kind, value, more) { this.kind = kind; this.value = value; this.more = more; } }
  const operations = {
    add: (value) => new Operation('set', value), replace: (value) => new Operation('set', value), remove: () => new Operation('remove'),
    increment: (by = 1) => new Operation('increment', by), decrement: (by = 1) => new Operation('increment', -by),
    append: (list) => new Operation('append', list), prepend: (list) => new Operation('prepend', list),
    updateListItem: (value, index) => new Operation('item', value, index),
  };
  const conditioned = (condition) => condition ? { condition: expression(condition) } : {};
  const without = (object) => copied(object, (key) => object[key] !== undefined);
  const projected = (fields) => {
    if (!fields) return {};
    const names = {};
    const paths = fields.map((field) => field.split('.').map((part) => { const plain = part.replace(/\[\d+\]$/, ''); names['#' + plain] = plain; return '#' + part; }).join('.'));
    return { projection: { expression: paths.join(', '), expressionNames: names } };
  };
  const updated = (change) => {
    const names = {}, values = {}, sets = [], removes = [];
    let count = 0;
    const valued = (value) => { const name = `:v${count++}`; values[name] = typed(value); return name; };
    const visit = (part, path) => {
      for (const field of Object.keys(part)) {
        const value = part[field], here = path ? `${path}.#${field}` : `#${field}`;
        if (value === undefined) continue;
        names['#' + field] = field;
        if (!(value instanceof Operation)) {
          if (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.values(value).some((v) => v instanceof Operation)) visit(value, here);
          else sets.push(`${here} = ${valued(value)}`);
        } else if (value.kind === 'remove') removes.push(here);
        else if (value.kind === 'set') sets.push(`${here} = ${valued(value.value)}`);
        else if (value.kind === 'increment') sets.push(`${here} = if_not_exists(${here}, ${valued(0)}) + ${valued(value.value)}`);
        else if (value.kind === 'append') sets.push(`${here} = list_append(if_not_exists(${here}, ${valued([])}), ${valued(value.value)})`);
        else if (value.kind === 'prepend') sets.push(`${here} = list_append(${valued(value.value)}, if_not_exists(${here}, ${valued([])}))`);
        else sets.push(`${here}[${value.more}] = ${valued(value.value)}`);
      }
    };
    visit(change, '');
    const text = [sets.length ? 'SET ' + sets.join(', ') : '', removes.length ? 'REMOVE ' + removes.join(', ') : ''].filter((one) => one).join(' ');
    return { expression: text, expressionNames: names, ...(count ? { expressionValues: values } : {}) };
  };
  const paged = ({ index, limit, nextToken, consistentRead, select, filter, projection }) => without({
    index, limit, nextToken, consistentRead, select, ...(filter ? { filter: expression(filter) } : {}), ...projected(projection),
  });
  __modules['@aws-appsync/utils/dynamodb'] = {
    operations,
    get: ({ key, consistentRead, projection }) => without({ operation: 'GetItem', key: typedValues(key), consistentRead, ...projected(projection) }),
    put: ({ key, item, condition, customPartitionKey, populateIndexFields, _version }) => without({
      operation: 'PutItem', key: typedValues(key), attributeValues: typedValues(item), customPartitionKey, populateIndexFields, _version, ...conditioned(condition),
    }),
    update: ({ key, update, condition, customPartitionKey, populateIndexFields, _version }) => without({
      operation: 'UpdateItem', key: typedValues(key), update: updated(update), customPartitionKey, populateIndexFields, _version, ...conditioned(condition),
    }),
    remove: ({ key, condition, customPartitionKey, populateIndexFields, _version }) => without({
      operation: 'DeleteItem', key: typedValues(key), customPartitionKey, populateIndexFields, _version, ...conditioned(condition),
    }),
    query: ({ query, scanIndexForward, ...more }) => without({ operation: 'Query', query: expression(query), scanIndexForward, ...paged(more) }),
    scan: ({ totalSegments, segment, ...more }) => without({ operation: 'Scan', totalSegments, segment, ...paged(more) }),
    sync: ({ basePartitionKey, deltaIndexName, lastSync, ...more }) => without({ operation: 'Sync', basePartitionKey, deltaIndexName, lastSync, ...paged(more) }),
    batchGet: ({ tables }) => ({ operation: 'BatchGetItem', tables: Object.fromEntries(Object.entries(tables).map(([name, { keys, consistentRead, projection }]) =>
      [name, without({ keys: keys.map(typedValues), consistentRead, ...projected(projection) })])) }),
    batchPut: ({ tables }) => ({ operation: 'BatchPutItem', tables: Object.fromEntries(Object.entries(tables).map(([name, items]) => [name, items.map(typedValues)])) }),
    batchDelete: ({ tables }) => ({ operation: 'BatchDeleteItem', tables: Object.fromEntries(Object.entries(tables).map(([name, keys]) => [name, keys.map(typedValues)])) }),
    transactGet: ({ items }) => ({ operation: 'TransactGetItems', transactItems: items.map(({ table, key, projection }) => without({ table, key: typedValues(key), ...projected(projection) })) }),
    transactWrite: ({ items }) => ({ operation: 'TransactWriteItems', transactItems: items.map((one) => {
      const [kind, act] = Object.entries(one).find(([name]) => name !== 'table') ?? [];
      const table = one.table ?? act.table, condition = act.condition ? { condition: { ...expression(act.condition), ...without({ returnValuesOnConditionCheckFailure: act.returnValuesOnConditionCheckFailure }) } } : {};
      if (kind === 'putItem') return { table, operation: 'PutItem', key: typedValues(act.key), attributeValues: typedValues(act.item), ...condition };
      if (kind === 'updateItem') return { table, operation: 'UpdateItem', key: typedValues(act.key), update: updated(act.update), ...condition };
      if (kind === 'deleteItem') return { table, operation: 'DeleteItem', key: typedValues(act.key), ...condition };
      return { table, operation: 'ConditionCheck', key: typedValues(act.key), ...condition };
    }) }),
  };

  const printed = (value) => typeof value === 'string' ? value : JSON.stringify(value) ?? String(value);
  globalThis.console = { log: (...given) => { turn.logs.push('INFO - ' + given.map(printed).join(' ')); }, error: (...given) => { turn.logs.push('ERROR - ' + given.map(printed).join(' ')); } };
  for (const name of ['Date', 'RegExp', 'Promise', 'Proxy', 'Reflect', 'Symbol', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'eval', 'setTimeout', 'std', 'os']) delete globalThis[name];

  globalThis.__transform = (text) => { const [name, given] = JSON.parse(text); return JSON.stringify(util.transform[name](...given)); };

  return (text) => {
    const { handler, context, now, seed, authType, answers } = JSON.parse(text);
    turn = { now, authType, answers, errors: [], extensions: [], headers: {}, logs: [], chance: [0, 8, 16, 24].map((at) => parseInt(seed.slice(at, at + 8), 16) | 1) };
    const ctx = { ...context, args: context.arguments, arguments: context.arguments, outErrors: turn.errors };
    if (!('stash' in ctx)) ctx.stash = {};
    const answer = { stash: ctx.stash };
    try {
      // A handler is a function of the code, or one of an object's that it exports: `onPublish.request`.
      answer.value = handler.split('.').reduce((held, name) => held[name], __exports)(ctx) ?? null;
    } catch (error) {
      if (error instanceof Failure) answer.error = error.error;
      else if (error instanceof Question) return JSON.stringify({ question: error.key });
      else if (error instanceof Early) { answer.value = error.value ?? null; answer.skipTo = error.skipTo; answer.isEarly = true; }
      else answer.error = { message: String(error?.message ?? error), type: 'Code' };
    }
    answer.stash = ctx.stash;
    return JSON.stringify({ ...answer, errors: turn.errors, extensions: turn.extensions, headers: turn.headers, logs: turn.logs });
  };
})();
