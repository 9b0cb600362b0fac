// Shows new public posts as they arrive. A visitor has no token for the streaming server, so the page asks
// the public timeline for what is newer than the newest post it shows.
const EVERY = 10000;
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

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(`/api/v1/timelines/public?min_id=${timeline.dataset.newest}`);
  if (!response.ok) return;
  // The newest comes first.
  const statuses = await response.json();
  for (const status of statuses.toReversed()) timeline.prepend(render(status));
  if (statuses.length > 0) timeline.dataset.newest = statuses[0].id;
}

if (timeline) setInterval(refresh, EVERY);
