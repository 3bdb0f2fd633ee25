// A cart that breaks when it is empty.

function totalOf(cart) {
  return cart.items.reduce((sum, item) => sum + item.price, 0);
}

export function pay(cart) {
  console.log("to pay:", totalOf(cart));
}
