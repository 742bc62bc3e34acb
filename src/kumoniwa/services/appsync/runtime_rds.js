// What AppSync lends to resolvers that ask a relational database: `@aws-appsync/utils/rds`.
// https://docs.aws.amazon.com/appsync/latest/devguide/resolver-reference-rds-js.html
// How statements are spelled and what is refused with which words is AWS's, as recorded in the tests of localstack/appsync-utils.
'use strict';
(() => {
  const fail = (text) => { throw new Error(text); };
  const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  const isNothing = (value) => value === null || value === undefined;

  // `sql` keeps a statement's text apart from its values.
  class Template { constructor(strings, keys) { this.strings = strings; this.keys = keys; } }
  const sql = (strings, ...keys) => {
    if (strings.length !== keys.length + 1) fail('java.lang.IllegalArgumentException: Unexpected argument passed to sql tagged template');
    return new Template([...strings], keys);
  };

  class Verb { constructor(verb, said) { this.verb = verb; this.said = said; } }
  const verb = (name) => (said) => {
    if (said === undefined) fail(`An argument is expected to be passed to ${name}`);
    if (!isObject(said)) fail('Expected payload to be an Object.');
    return new Verb(name, said);
  };

  const HINTS = ['DECIMAL', 'JSON', 'TIME', 'DATE', 'UUID', 'TIMESTAMP'];
  const typeHint = Object.fromEntries(HINTS.map((type) => [type, (value) => ({ type, value })]));
  const SIGNS = { eq: '=', ne: '!=', gt: '>', lt: '<', ge: '>=', le: '<=' };

  const statements = (name, quote, canReturn) => (...all) => {
    if (all.length === 0) fail(`An argument is expected to be passed to ${name}`);
    const variableMap = {}, variableTypeHintMap = {};
    let count = 0;
    const bound = (value) => {
      const key = `:P${count++}`;
      const isHinted = isObject(value) && HINTS.includes(value.type) && Object.hasOwn(value, 'value');
      variableMap[key] = isHinted ? value.value : value;
      if (isHinted) variableTypeHintMap[key] = value.type;
      return key;
    };
    const boundOrNull = (value) => isNothing(value) ? 'NULL' : bound(value);
    const quoted = (identifier) => identifier === '*' ? '*' : identifier.split('.').map((part) => quote + part + quote).join('.');
    const filled = ({ strings, keys }) => strings.reduce((text, part, at) => text + bound(keys[at - 1]) + part);

    const columns = (list) => {
      if (list === '*') return list;
      if (!Array.isArray(list)) fail('Expected column to be * or an array.');
      if (list.some((each) => typeof each !== 'string')) fail('Invalid type in column array.');
      return list.map(quoted).join(', ');
    };
    const named = (table) => {
      if (typeof table === 'string') return quoted(table);
      if (!isObject(table)) fail('table name is expected to be a string or alias.');
      const pairs = Object.entries(table);
      if (pairs.length > 1) fail('table alias is allowed only one key-value pair.');
      if (pairs.length === 0) fail('java.util.NoSuchElementException');
      const [alias, actual] = pairs[0];
      if (typeof actual !== 'string') fail('Table alias value is expected to be a string.');
      return `${quoted(actual)} as ${quoted(alias)}`;
    };
    const table = ({ table: said, from }, mayBeFrom) => {
      if (mayBeFrom && !isNothing(from)) {
        if (!isNothing(said)) fail("'from' and 'table' keys cannot be used together");
        if (typeof from !== 'string' && !isObject(from)) fail("'from' value is expected to be string or object.");
        return named(from);
      }
      if (isNothing(said)) fail("'table' or 'from' key is required.");
      return named(said);
    };

    const valued = (path, value, type) => {
      if (isNothing(value)) fail(`Value for ${path} can't be null.`);
      if (type && typeof value !== type) fail(`${path} expects a ${type} value to be passed.`);
      return value;
    };
    const between = (target, path, pair) => {
      if (!Array.isArray(pair)) fail(`${path} condition expects an array with length of 2.`);
      if (pair.length !== 2) fail(`${path} condition expects an array with 2 values but received an array with length ${pair.length}.`);
      const [low, high] = pair.map(boundOrNull);
      return `${target} BETWEEN ${low} AND ${high}`;
    };
    const sized = (column, path, said) => {
      if (!isObject(said)) fail(`Expected ${path} to be an Object.`);
      const target = `LENGTH (${column})`;
      return Object.entries(said).map(([operator, value]) => {
        if (operator === 'between') return between(target, path, value);
        if (!Object.hasOwn(SIGNS, operator)) fail(`${path} has invalid size operator.`);
        return `${target} ${SIGNS[operator]} ${boundOrNull(value)}`;
      }).join(' AND ');
    };
    const condition = (name, kind, value) => {
      const column = quoted(name), path = `${name}.${kind}`;
      if (kind === 'size') return sized(column, path, value);
      if (kind === 'between') return between(column, path, value);
      if (kind === 'attributeExists') return `${column} IS ${valued(path, value, 'boolean') ? 'NOT ' : ''}NULL`;
      if (kind === 'contains') return `${column} LIKE ${bound(`%${valued(path, value, 'string')}%`)}`;
      if (kind === 'beginsWith') return `${column} LIKE ${bound(`${valued(path, value, 'string')}%`)}`;
      if (kind === 'notContains') return `${column} NOT LIKE ${bound(valued(path, value, 'string'))}`;
      if (!Object.hasOwn(SIGNS, kind)) fail(`Unsupported condition ${path}.`);
      return `${column} ${SIGNS[kind]} ${bound(valued(path, value))}`;
    };
    // What is inside of `and` or `or` stands in brackets, and what belongs to nothing leaves a gap: so AWS writes it.
    const conditions = (said, joiner, isInner) => {
      const bracketed = (text) => isInner && text ? `(${text})` : text;
      const parts = [];
      for (const [key, value] of Object.entries(said)) {
        if (key === 'and' || key === 'or') {
          if (!Array.isArray(value)) fail(`${key} expects conditions to be an array`);
          const word = ` ${key.toUpperCase()} `;
          const group = value.map((each) => {
            if (!isObject(each) || each instanceof Template) fail(`Expected ${key} to be an Object.`);
            return conditions(each, word, true);
          }).join(word);
          if (group) parts.push(bracketed(group));
        } else {
          if (!isObject(value)) fail('Expected condition to be an Object.');
          parts.push(bracketed(Object.entries(value).map(([kind, given]) => condition(key, kind, given)).join(' AND ')));
        }
      }
      return parts.join(joiner);
    };
    const where = (said) => {
      if (isNothing(said)) return '';
      if (!(said instanceof Template) && !isObject(said)) fail('WHERE values are expected to be SQL templates or a condition object.');
      const text = said instanceof Template ? filled(said) : conditions(said, ' AND ', false);
      return text ? `WHERE ${text}` : '';
    };

    const ordered = (list) => {
      if (isNothing(list)) return '';
      if (!Array.isArray(list)) fail('orderBy expects an array.');
      const items = list.map((item) => {
        if (!isObject(item)) fail('orderBy item expected to be an object.');
        if (typeof item.column !== 'string') fail('orderBy item expected to have property column.');
        const direction = typeof item.dir === 'string' ? item.dir.toUpperCase() : 'ASC';
        if (direction !== 'ASC' && direction !== 'DESC') fail(`orderBy dir can have either ASC or DESC found ${item.dir}.`);
        return `${quoted(item.column)} ${direction}`;
      });
      return items.length ? `ORDER BY ${items.join(', ')}` : '';
    };
    const counted = (word, value) => {
      if (isNothing(value)) return '';
      const number = value === '' ? NaN : Number(value);
      if (Number.isNaN(number)) fail(`${word.toLowerCase()} expects a number.`);
      return `${word} ${bound(number)}`;
    };
    const returned = (list) => {
      if (!list) return '';
      const text = columns(list);
      if (!canReturn) fail('returning is not supported in MySQL.');
      return `RETURNING ${text}`;
    };
    const values = (said, name) => {
      if (isNothing(said)) fail(`values are expected to be passed to ${name}`);
      if (!isObject(said)) fail('Expected values to an Object.');
      return Object.entries(said);
    };

    // Values are numbered in the order in which they are asked for, which is that of the text.
    const VERBS = {
      select: (said) => ['SELECT', isNothing(said.columns) ? '*' : columns(said.columns), `FROM ${table(said, true)}`, where(said.where),
        ordered(said.orderBy), counted('LIMIT', said.limit), counted('OFFSET', said.offset)],
      insert: (said) => {
        const pairs = values(said.values, 'insert'), into = table(said);
        return [`INSERT INTO ${into}`,
          `(${pairs.map(([name]) => quoted(name)).join(', ')}) VALUES (${pairs.map(([, value]) => boundOrNull(value)).join(', ')})`, returned(said.returning)];
      },
      update: (said) => {
        const pairs = values(said.values, 'update'), into = table(said);
        return [`UPDATE ${into}`, 'SET', pairs.map(([column, value]) => `${quoted(column)} = ${boundOrNull(value)}`).join(', '), where(said.where)];
      },
      remove: (said) => [`DELETE FROM ${table(said)}`, where(said.where), returned(said.returning)],
    };
    const spelled = all.map((each) => {
      if (typeof each === 'string') return each;
      if (each instanceof Template) return filled(each);
      if (each instanceof Verb) return VERBS[each.verb](each.said).filter((part) => part !== '').join(' ').trimEnd();
      return fail(`Unsupported type is passed as argument to ${name}`);
    });
    return { statements: spelled, variableMap, variableTypeHintMap };
  };

  // What the Data API answered, as lists of plain rows, one for each statement.
  const plain = (value) => {
    if (value.isNull) return null;
    if (!('arrayValue' in value)) return Object.values(value)[0];
    const { arrayValue } = value;
    return arrayValue.arrayValues ? arrayValue.arrayValues.map((each) => plain({ arrayValue: each })) : Object.values(arrayValue)[0] ?? [];
  };
  const toJsonObject = (told) => {
    const { sqlStatementResults } = typeof told === 'string' ? JSON.parse(told) : told;
    return sqlStatementResults.map(({ records, columnMetadata }) => records === undefined ? [{}] : records.map((record) => Object.fromEntries(
      record.map((value, at) => [columnMetadata[at].label ?? columnMetadata[at].name, plain(value)]).filter(([, value]) => value !== null))));
  };

  __modules['@aws-appsync/utils/rds'] = {
    sql, select: verb('select'), insert: verb('insert'), update: verb('update'), remove: verb('remove'), typeHint, toJsonObject,
    createPgStatement: statements('createPgStatement', '"', true), createMySQLStatement: statements('createMySQLStatement', '`', false),
  };
  __modules['@aws-appsync/utils'].util.rds = { toJsonObject };
})();
