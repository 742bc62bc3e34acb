export const request = (ctx) => ({
  operation: 'BatchInvoke',
  payload: { item: ctx.source.item, amount: ctx.source.amount },
});

export const response = (ctx) => ctx.result;
