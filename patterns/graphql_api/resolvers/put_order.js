import { put } from '@aws-appsync/utils/dynamodb';
import { util } from '@aws-appsync/utils';

export function request(ctx) {
  if (!ctx.stash.user) util.error(`There is no user ${ctx.args.user}.`, 'NoSuchUser');
  return put({
    key: { user: ctx.args.user, order: util.autoUlid() },
    item: { item: ctx.args.item, amount: ctx.args.amount, placed: util.time.nowISO8601() },
  });
}

export const response = (ctx) => ctx.result;
