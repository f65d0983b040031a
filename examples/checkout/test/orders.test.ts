/** orders.json and opening.json: what the demo needs of them, so that nobody thins them out unknowingly. */
import { expect, test } from '@jest/globals';
import { loadOpening, loadOrders } from '../src/shop';

const orders = loadOrders();
const opening = loadOpening();

test('there are at least 200 orders, each with a gid of its own', () => {
  expect(orders.length).toBeGreaterThanOrEqual(200);
  expect(new Set(orders.map(({ id }) => id)).size).toBe(orders.length);
});

test('every order names an article, a customer and a tour that exist, and wants something', () => {
  const tours = new Set(opening.tours.map(({ city, slot }) => `${city} ${slot}`));
  for (const { sku, customer, city, slot, quantity, cents } of orders) {
    expect(opening.stock).toHaveProperty([sku]);
    expect(opening.balances).toHaveProperty([customer]);
    expect(tours).toContain(`${city} ${slot}`);
    expect(quantity).toBeGreaterThanOrEqual(1);
    expect(cents).toBeGreaterThanOrEqual(1);
  }
});

test('without any trouble more than 100 orders go through, and each service refuses some', () => {
  const stock = { ...opening.stock };
  const balances = { ...opening.balances };
  const places = new Map<string, number>(
    opening.tours.map((tour) => [`${tour.city} ${tour.slot}`, tour.places]),
  );
  const count = { confirmed: 0, stock: 0, wallet: 0, shipping: 0 };
  for (const { sku, quantity, customer, cents, city, slot } of orders) {
    const tour = `${city} ${slot}`;
    const left = [stock[sku] ?? 0, balances[customer] ?? 0, places.get(tour) ?? 0] as const;
    if (left[0] < quantity) count.stock++;
    else if (left[1] < cents) count.wallet++;
    else if (left[2] < 1) count.shipping++;
    else {
      count.confirmed++;
      stock[sku] = left[0] - quantity;
      balances[customer] = left[1] - cents;
      places.set(tour, left[2] - 1);
    }
  }
  expect(count.confirmed).toBeGreaterThan(100);
  expect(Math.min(count.stock, count.wallet, count.shipping)).toBeGreaterThan(0);
});

test('every kind of trouble occurs, and it meets orders that nobody refuses', () => {
  const troubled = orders.filter(({ fault }) => fault !== undefined);
  expect(new Set(troubled.map(({ fault }) => fault?.kind))).toEqual(
    new Set(['slow', 'crash-after-try', 'crash-before-confirm']),
  );
  expect(new Set(troubled.map(({ fault }) => fault?.service))).toEqual(
    new Set(['stock', 'wallet', 'shipping']),
  );
  for (const { customer, quantity } of troubled) {
    expect([customer, quantity]).toEqual(['c-01', 1]);
  }
});
