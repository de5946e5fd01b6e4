/** The least function that functions-framework serves: what a cold start costs without this product. */
export function aggregate(req, res) {
  res.status(req.method === 'PUT' ? 405 : 201).send('Hello, world!');
}
