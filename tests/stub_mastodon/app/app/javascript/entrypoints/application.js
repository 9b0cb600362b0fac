// Shows new public posts as they arrive. The streaming server wants a token for the public timeline too,
// so a visitor's page asks the public API when told to and stays as it is otherwise.
const timeline = document.getElementById('timeline');

function element(name, text, className) {
  const node = document.createElement(name);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function render(status) {
  const article = element('article', null, 'status new');
  const author = element('div', null, 'author');
  const avatar = element('img');
  avatar.src = status.account.avatar;
  avatar.width = 46;
  const name = element('a');
  name.href = status.account.url;
  name.append(element('strong', status.account.display_name || status.account.username), element('span', `@${status.account.acct}`));
  const time = element('a', new Date(status.created_at).toLocaleString(), 'time');
  time.href = status.url;
  author.append(avatar, name, time);
  const content = element('div', null, 'content');
  content.innerHTML = status.content;
  article.append(author, content);
  for (const media of status.media_attachments) {
    const picture = element('img', null, 'media');
    picture.src = media.preview_url;
    picture.alt = media.description || '';
    article.append(picture);
  }
  return article;
}

let newest = null;
async function refresh() {
  if (document.hidden) return;
  const query = newest ? `?min_id=${newest}` : '?limit=1';
  const response = await fetch(`/api/v1/timelines/public${query}`);
  if (!response.ok) return;
  const statuses = await response.json();
  if (newest) statuses.reverse().forEach((status) => timeline.prepend(render(status)));
  if (statuses.length > 0) newest = statuses.reduce((max, s) => (BigInt(s.id) > BigInt(max) ? s.id : max), newest || '0');
}

if (timeline) {
  refresh();
  setInterval(refresh, 5000);
}
