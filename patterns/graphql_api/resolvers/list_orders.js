import { query } from '@aws-appsync/utils/dynamodb';

export const request = (ctx) =>
  query({ query: { user: { eq: ctx.source.id } }, limit: ctx.args.limit ?? 100, scanIndexForward: false });

export const response = (ctx) => ctx.result.items;
