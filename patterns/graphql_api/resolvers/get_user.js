import { get } from '@aws-appsync/utils/dynamodb';
import { util } from '@aws-appsync/utils';

export const request = (ctx) => get({ key: { id: ctx.args.id ?? ctx.args.user } });

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  ctx.stash.user = ctx.result;
  return ctx.result;
}
